import { type InboundRequest, json, PeerdError } from '@peerd/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { aborted, bytes, type ContractPeer, failure, type StandingPair, text } from './pair.ts';

export function requestContract(standing: StandingPair): void {
  let a: ContractPeer;
  let b: ContractPeer;
  beforeAll(() => {
    ({ a, b } = standing);
  });
  const { serve } = standing;
  describe('request', () => {
    test.each([
      ['peer id', () => b.id],
      ['name', () => b.name],
      ['prefix of the peer id', () => b.id.slice(0, -4)],
    ])('reaches a peer by its %s', async (_, target) => {
      const { service } = await serve(({ payload }) => bytes(`heard ${text(payload)}`));
      expect(text(await a.client.request(target(), bytes('hello'), { service }))).toBe('heard hello');
    });

    test('tells the handler who asks, and for what', async () => {
      let seen: InboundRequest | undefined;
      const { service } = await serve((request) => {
        seen = request;
        return new Uint8Array();
      });
      await a.client.request(b.id, bytes('x'), { service });
      expect(seen).toMatchObject({ peer: a.id, peerName: a.name, service });
    });

    test.each([0, 1, 300_000, 2_000_000])('carries %d bytes there and back unchanged', async (size) => {
      const { service } = await serve(({ payload }) => payload);
      const payload = Uint8Array.from({ length: size }, (_, index) => (index * 7) % 251);
      const answer = await a.client.request(b.id, payload, { service });
      expect(Buffer.compare(answer, payload)).toBe(0);
    });

    test('keeps a thousand calls at once apart', async () => {
      const { service } = await serve(async ({ payload }) => payload);
      const asked = Array.from({ length: 1_000 }, (_, index) => `call ${index}`);
      const answers = await Promise.all(
        asked.map((each) => a.client.request(b.id, bytes(each), { service })),
      );
      expect(answers.map(text)).toEqual(asked);
    });

    test('carries JSON, and brings back the refusal of what is none', async () => {
      const { service } = await serve(json.handler(({ words }: { words: string[] }) => words.length));
      const value = { words: ['one', 'two'] };
      expect(await json.request(a.client, b.id, value, { service })).toBe(2);
      const error = await failure(a.client.request(b.id, bytes('{'), { service }));
      expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining('not JSON') });
    });

    test.each([false, true])(
      'tells once which peers it has passed, before it resolves; idempotent: %j',
      async (idempotent) => {
        const { service } = await serve(({ payload }) => payload);
        const told: unknown[] = [];
        const onPath = (path: unknown) => told.push(path);
        await a.client
          .request(b.id, bytes('x'), { service, idempotent, onPath })
          .then(() => told.push('answer'));
        expect(told).toEqual([[...standing.between, { peer: b.id, name: b.name }], 'answer']);
      },
    );

    test('tells no path when it fails', async () => {
      let told = 0;
      const onPath = () => {
        told += 1;
      };
      const options = { service: 'nobody-has-this', onPath };
      expect((await failure(a.client.request(b.id, bytes('x'), options))).code).toBe('no-handler');
      expect((await failure(a.client.request('no-such-peer', bytes('x'), options))).code).toBe(
        'unknown-peer',
      );
      expect(told).toBe(0);
    });

    test('fails with what the listener to its path throws, and the next call works', async () => {
      const { service } = await serve(({ payload }) => payload);
      const wrong = new Error('not over bob');
      const onPath = () => {
        throw wrong;
      };
      const call = a.client.request(b.id, bytes('x'), { service, onPath });
      expect(await call.catch((error: unknown) => error)).toBe(wrong);
      expect(text(await a.client.request(b.id, bytes('y'), { service }))).toBe('y');
    });

    test('fails with no-handler at once when nobody there handles the service', async () => {
      const error = await failure(a.client.request(b.id, bytes('x'), { service: 'nobody-has-this' }));
      expect(error.code).toBe('no-handler');
    });

    test('fails with no-handler once the registration is closed', async () => {
      const { service, registration } = await serve(({ payload }) => payload);
      await registration.close();
      expect((await failure(a.client.request(b.id, bytes('x'), { service }))).code).toBe('no-handler');
    });

    test("brings a handler's refusal to the caller with its reason", async () => {
      const { service } = await serve(() => {
        throw new PeerdError('refused', 'not on a Sunday');
      });
      const error = await failure(a.client.request(b.id, bytes('x'), { service }));
      expect(error.code).toBe('refused');
      expect(error.message).toContain('not on a Sunday');
    });

    test('does not tell the caller what else a handler threw', async () => {
      const { service } = await serve(() => {
        throw new Error('the password is swordfish');
      });
      const error = await failure(a.client.request(b.id, bytes('x'), { service }));
      expect(error.code).toBe('internal');
      expect(error.message).not.toContain('swordfish');
    });

    test('times out, and the handler hears of it', async () => {
      const heard = Promise.withResolvers<void>();
      const { service } = await serve(async ({ signal }) => {
        await aborted(signal);
        heard.resolve();
        return new Uint8Array();
      });
      const error = await failure(a.client.request(b.id, bytes('x'), { service, timeoutMs: 200 }));
      expect(error.code).toBe('timeout');
      await heard.promise;
    });

    test("ends with the signal's reason when it is cancelled, and the handler hears of it", async () => {
      const started = Promise.withResolvers<void>();
      const heard = Promise.withResolvers<void>();
      const { service } = await serve(async ({ signal }) => {
        started.resolve();
        await aborted(signal);
        heard.resolve();
        return new Uint8Array();
      });
      const controller = new AbortController();
      const call = a.client.request(b.id, bytes('x'), { service, signal: controller.signal });
      const outcome = call.catch((error: unknown) => error);
      await started.promise;
      const reason = new Error('changed my mind');
      controller.abort(reason);
      expect(await outcome).toBe(reason);
      await heard.promise;
    });

    test('does nothing for a signal that is aborted already', async () => {
      let asked = 0;
      const { service } = await serve(({ payload }) => {
        asked += 1;
        return payload;
      });
      const reason = new Error('too late');
      const call = a.client.request(b.id, bytes('x'), { service, signal: AbortSignal.abort(reason) });
      expect(await call.catch((error: unknown) => error)).toBe(reason);
      await a.client.request(b.id, bytes('x'), { service });
      expect(asked).toBe(1);
    });

    test('fails with unknown-peer for a name nobody has', async () => {
      expect((await failure(a.client.request('no-such-peer', bytes('x')))).code).toBe('unknown-peer');
    });

    test('fails with invalid for a malformed multiaddr', async () => {
      expect((await failure(a.client.request('/ip4/300.1.1.1/tcp/x', bytes('x')))).code).toBe('invalid');
    });

    test('fails with invalid for a time that is none', async () => {
      expect((await failure(a.client.request(b.id, bytes('x'), { timeoutMs: -1 }))).code).toBe('invalid');
    });

    test('fails with too-large for a payload over the limit, and the next call works', async () => {
      const { service } = await serve(({ payload }) => payload);
      const large = new Uint8Array(17 * 1024 * 1024);
      expect((await failure(a.client.request(b.id, large, { service }))).code).toBe('too-large');
      expect(text(await a.client.request(b.id, bytes('small'), { service }))).toBe('small');
    });

    test('fails with invalid when the service answers with a stream', async () => {
      const { service } = await serve(async function* () {
        yield bytes('one');
        yield bytes('two');
      });
      expect((await failure(a.client.request(b.id, bytes('x'), { service }))).code).toBe('invalid');
    });
  });
}
