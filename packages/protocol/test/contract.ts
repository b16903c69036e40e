import {
  type Client,
  type InboundRequest,
  json,
  type NodeEvent,
  type NodeTop,
  PeerdError,
} from '@peerd/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

export interface ContractPeer {
  client: Client;
  id: string;
  name: string;
}

/** Where nobody listens. */
export const nowhere = '/ip4/127.0.0.1/tcp/1';

/** Two connected peers, each with a client of its own. */
export interface ContractPair {
  a: ContractPeer;
  /** Configured to reach `nowhere` too. */
  b: ContractPeer;
  close(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** The signal's abort as a promise. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function failure(promise: Promise<unknown>): Promise<PeerdError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PeerdError);
  return error as PeerdError;
}

async function collect(answers: AsyncIterable<Uint8Array>): Promise<string[]> {
  const all: string[] = [];
  for await (const answer of answers) all.push(text(answer));
  return all;
}

/** What every implementation of `Client` has to do, whatever is behind it. `makePair` is called twice. */
export function contractSuite(name: string, makePair: () => Promise<ContractPair>): void {
  describe(`client contract: ${name}`, () => {
    let pair: ContractPair;
    let a: ContractPeer;
    let b: ContractPeer;
    beforeAll(async () => {
      pair = await makePair();
      ({ a, b } = pair);
    });
    afterAll(() => pair.close());

    /** A service of its own for each test, answered by `b`. */
    let services = 0;
    async function serve(handler: Parameters<Client['handle']>[1]) {
      services += 1;
      const service = `service-${services}`;
      const registration = await b.client.handle(service, handler);
      return { service, registration };
    }

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

    describe('services', () => {
      /** A handler that answers with its name when it is told to. */
      function held(name: string) {
        const calls: (() => void)[] = [];
        const handler = (): Promise<Uint8Array> =>
          new Promise((resolve) => calls.push(() => resolve(bytes(name))));
        return { calls, handler };
      }
      const info = async (service: string) =>
        (await b.client.services()).find((each) => each.service === service);
      /** Resolves when the service has so many requests in hand and waiting. */
      async function until(service: string, inFlight: number, waiting: number) {
        for (;;) {
          const found = await info(service);
          if (found?.inFlight === inFlight && found.waiting === waiting) return;
        }
      }

      test('share the load of their handlers by who is free', async () => {
        const [one, two] = [held('one'), held('two')];
        const { service } = await serve(one.handler);
        await using second = await b.client.handle(service, two.handler);
        const ask = () => a.client.request(b.id, bytes('x'), { service }).then(text);
        const first = [ask(), ask()];
        await until(service, 2, 0);
        expect([one.calls.length, two.calls.length]).toEqual([1, 1]);
        // Two is busy: all go to one, however many those are.
        for (let index = 0; index < 5; index += 1) {
          one.calls.shift()?.();
          const answered = ask();
          await until(service, 2, 0);
          if (index === 4) first.push(answered);
        }
        expect(two.calls.length).toBe(1);
        one.calls.shift()?.();
        two.calls.shift()?.();
        expect((await Promise.all(first)).sort()).toEqual(['one', 'one', 'two']);
        await second.close();
      });

      test('queue requests past their concurrency, first come first served, and hand them over', async () => {
        services += 1;
        const service = `service-${services}`;
        const { calls, handler } = held('done');
        await using registration = await b.client.handle(service, handler, { concurrency: 2 });
        const order: number[] = [];
        const asked = [];
        for (let index = 0; index < 4; index += 1) {
          const call = a.client.request(b.id, bytes('x'), { service });
          asked.push(call.then(() => order.push(index)));
          await until(service, Math.min(index + 1, 2), Math.max(0, index - 1));
        }
        const controller = new AbortController();
        const { signal } = controller;
        const cancelled = a.client.request(b.id, bytes('x'), { service, signal }).catch(() => 'cancelled');
        await until(service, 2, 3);
        controller.abort();
        expect(await cancelled).toBe('cancelled');
        await until(service, 2, 2);
        for (let index = 0; index < 4; index += 1) {
          calls.shift()?.();
          await asked[index];
        }
        expect(order).toEqual([0, 1, 2, 3]);
        await registration.close();
      });

      test('fail what waits with no-handler at once when the last handler goes', async () => {
        services += 1;
        const service = `service-${services}`;
        const { handler } = held('never');
        const registration = await b.client.handle(service, handler, { concurrency: 1 });
        const asked = a.client.request(b.id, bytes('x'), { service, timeoutMs: 60_000 });
        asked.catch(() => {});
        await until(service, 1, 0);
        const waiting = failure(a.client.request(b.id, bytes('x'), { service, timeoutMs: 60_000 }));
        await until(service, 1, 1);
        await registration.close();
        expect((await waiting).code).toBe('no-handler');
      });

      test('let in whom their rule admits, and tell the others forbidden and why', async () => {
        const access = { peers: [a.id] };
        await using _ = await b.client.handle('for-a', ({ payload }) => payload, { access });
        await using __ = await b.client.handle('for-b', ({ payload }) => payload, {
          access: { peers: [b.id] },
        });
        await using ___ = await b.client.handle('shut', ({ payload }) => payload, { access: 'nobody' });
        expect(text(await a.client.request(b.id, bytes('me'), { service: 'for-a' }))).toBe('me');
        for (const [service, why] of [
          ['for-b', `named peers, and ${a.id} is not one of them`],
          ['shut', 'closed to everybody'],
        ] as const) {
          const error = await failure(a.client.request(b.id, bytes('x'), { service }));
          expect(error.code).toBe('forbidden');
          expect(error.message).toContain(why);
        }
        expect(await info('for-a')).toEqual({
          service: 'for-a',
          handlers: 1,
          access,
          inFlight: 0,
          waiting: 0,
        });
        expect((await info('shut'))?.access).toBe('nobody');
      });

      test.each([
        ['a name in place of an id', { access: { peers: ['alice'] } }],
        ['no whole number of requests at once', { concurrency: 1.5 }],
        ['no requests at once', { concurrency: 0 }],
      ])('are not registered with %s', async (_, options) => {
        const error = await failure(b.client.handle('wrong', ({ payload }) => payload, options));
        expect(error.code).toBe('invalid');
        expect(await info('wrong')).toBeUndefined();
      });
    });

    test.each([undefined, null, 'text', {}])(
      'a handler that is no function is refused at once: %j',
      async (handler) => {
        const error = await failure(b.client.handle('wrong', handler as never));
        expect(error).toMatchObject({
          code: 'invalid',
          message: expect.stringContaining('a handler is a function'),
        });
        expect((await b.client.services()).map(({ service }) => service)).not.toContain('wrong');
      },
    );

    describe('requestStream', () => {
      test('yields every answer in order', async () => {
        const { service } = await serve(async function* ({ payload }) {
          for (let index = 0; index < 200; index += 1) yield bytes(`${text(payload)} ${index}`);
        });
        const answers = await collect(a.client.requestStream(b.id, bytes('answer'), { service }));
        expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => `answer ${index}`));
      });

      test('yields the one answer of a plain handler, and none of an empty stream', async () => {
        const plain = await serve(({ payload }) => payload);
        const empty = await serve(async function* () {});
        expect(await collect(a.client.requestStream(b.id, bytes('x'), plain))).toEqual(['x']);
        expect(await collect(a.client.requestStream(b.id, bytes('x'), empty))).toEqual([]);
      });

      test('throws what the handler refused after the answers before it', async () => {
        const { service } = await serve(async function* () {
          yield bytes('one');
          throw new PeerdError('refused', 'no more');
        });
        const answers: string[] = [];
        const reading = (async () => {
          for await (const each of a.client.requestStream(b.id, bytes('x'), { service }))
            answers.push(text(each));
        })();
        expect((await failure(reading)).code).toBe('refused');
        expect(answers).toEqual(['one']);
      });

      test('tells the handler when the reader leaves', async () => {
        const left = Promise.withResolvers<void>();
        const { service } = await serve(async function* ({ signal }) {
          void aborted(signal).then(() => left.resolve());
          for (;;) yield bytes('again');
        });
        for await (const answer of a.client.requestStream(b.id, bytes('x'), { service })) {
          expect(text(answer)).toBe('again');
          break;
        }
        await left.promise;
      });

      test('takes no more from the handler than the reader does, give or take a few windows', async () => {
        let given = 0;
        const size = 256 * 1024;
        const { service } = await serve(async function* () {
          for (; given < 1_000; given += 1) yield new Uint8Array(size);
        });
        const answers = a.client.requestStream(b.id, bytes('x'), { service })[Symbol.asyncIterator]();
        await answers.next();
        const quick = await serve(({ payload }) => payload);
        // Each round trip is a chance for the stream to run ahead.
        for (let index = 0; index < 200; index += 1) await a.client.request(b.id, bytes('x'), quick);
        expect(given * size).toBeLessThan(16 * 1024 * 1024);
        await answers.return?.();
      });
    });

    describe('broadcast', () => {
      test('reaches a subscription that stands, with topic and sender', async () => {
        await using subscription = await b.client.subscribe('contract/news');
        const { peers } = await a.client.broadcast('contract/news', bytes('it is out'));
        expect(peers).toBeGreaterThanOrEqual(1);
        for await (const message of subscription) {
          expect(message).toMatchObject({ topic: 'contract/news', from: a.id, missed: 0 });
          expect(text(message.payload)).toBe('it is out');
          break;
        }
      });

      test('reaches each of two subscriptions of one client', async () => {
        await using one = await b.client.subscribe('contract/both');
        await using two = await b.client.subscribe(['contract/both', 'contract/other']);
        await a.client.broadcast('contract/both', bytes('to you two'));
        for (const subscription of [one, two]) {
          const first = await subscription[Symbol.asyncIterator]().next();
          expect(text(first.value.payload)).toBe('to you two');
        }
      });

      test('fails with no-peers when nobody listens, unless that is fine', async () => {
        const topic = 'contract/nobody';
        expect((await failure(a.client.broadcast(topic, bytes('x'), { timeoutMs: 100 }))).code).toBe(
          'no-peers',
        );
        expect(await a.client.broadcast(topic, bytes('x'), { allowNone: true })).toEqual({ peers: 0 });
      });

      test('is called off by its signal while it waits', async () => {
        const controller = new AbortController();
        const topic = 'contract/called-off';
        const { signal } = controller;
        const waiting = a.client.broadcast(topic, bytes('x'), { timeoutMs: 600_000, signal });
        const enough = new Error('enough');
        controller.abort(enough);
        await expect(waiting).rejects.toBe(enough);
      });

      test('tells a slow reader how many messages it missed', async () => {
        await using slow = await b.client.subscribe('contract/slow', { maxQueued: 3 });
        await using quick = await b.client.subscribe('contract/slow');
        for (let index = 0; index < 10; index += 1)
          await a.client.broadcast('contract/slow', bytes(`${index}`));
        let heard = 0;
        for await (const { payload } of quick) {
          heard += 1;
          if (text(payload) === '9') break;
        }
        expect(heard).toBe(10);
        const reader = slow[Symbol.asyncIterator]();
        const { value } = await reader.next();
        // What was on its way when the reader began may be one message more or less.
        expect(value.missed).toBeGreaterThan(0);
        expect(value.missed).toBe(Number(text(value.payload)));
      });

      test('is heard by a subscription that is iterated without being awaited, until the loop is left', async () => {
        const topic = 'contract/loop';
        const heard: string[] = [];
        const hearing = (async () => {
          for await (const { payload } of b.client.subscribe(topic)) {
            heard.push(text(payload));
            if (heard.length === 2) break;
          }
        })();
        await expect.poll(async () => (await b.client.status()).topics).toContain(topic);
        await a.client.broadcast(topic, bytes('one'));
        await a.client.broadcast(topic, bytes('two'));
        await hearing;
        expect(heard).toEqual(['one', 'two']);
        expect((await b.client.status()).topics).not.toContain(topic);
      });

      test('a topic that can not be heard fails the iteration', async () => {
        const hearing = (async () => {
          for await (const _ of b.client.subscribe(''));
        })();
        expect((await failure(hearing)).code).toBe('invalid');
      });

      test('leaving the loop over a subscription closes it', async () => {
        const topic = 'contract/leaving';
        const subscription = await b.client.subscribe(topic);
        await a.client.broadcast(topic, bytes('one'));
        for await (const { payload } of subscription) {
          expect(text(payload)).toBe('one');
          break;
        }
        expect((await b.client.status()).topics).not.toContain(topic);
      });

      test('ends the iteration of a subscription that is closed', async () => {
        const subscription = await b.client.subscribe('contract/closing');
        expect(subscription.topics).toEqual(['contract/closing']);
        const reading = (async () => {
          for await (const _ of subscription);
        })();
        await subscription.close();
        await reading;
      });
    });

    test('handlers and subscriptions end with the block that uses them', async () => {
      {
        await using _registration = await b.client.handle('contract/block', ({ payload }) => payload);
        await using _subscription = await b.client.subscribe('contract/block');
        const { services, topics } = await b.client.status();
        expect(services).toContain('contract/block');
        expect(topics).toContain('contract/block');
      }
      const { services, topics } = await b.client.status();
      expect(services).not.toContain('contract/block');
      expect(topics).not.toContain('contract/block');
    });

    describe('the node', () => {
      test('lists the other peer as connected, with its name', async () => {
        const peers = await a.client.peers();
        expect(peers).toContainEqual(
          expect.objectContaining({ id: b.id, name: b.name, connected: true, kind: 'peerd' }),
        );
      });

      test('tells its id, name, addresses and what is registered', async () => {
        const { service } = await serve(({ payload }) => payload);
        await using _ = await b.client.subscribe('contract/status');
        const status = await b.client.status();
        expect(status).toMatchObject({ id: b.id, name: b.name });
        expect(status.peers.connected).toBeGreaterThanOrEqual(1);
        expect(status.services).toContain(service);
        expect(status.topics).toContain('contract/status');
        expect(status.uptimeMs).toBeGreaterThanOrEqual(0);
      });

      test('tells which configured peer it does not reach, why, and when it dials it again', async () => {
        const unreached = async () => (await b.client.status()).unreached;
        // The first attempt may still be under way, and each one after it.
        await expect
          .poll(async () => (await unreached())[0]?.nextDialMs, { timeout: 10_000 })
          .toBeGreaterThan(0);
        const [only, ...more] = await unreached();
        expect(more).toEqual([]);
        expect(only?.address).toBe(nowhere);
        expect(only).not.toHaveProperty('id');
        expect(only?.error).toBeInstanceOf(PeerdError);
        expect(only?.error).toMatchObject({ code: 'unreachable', message: expect.stringContaining(nowhere) });
        expect((await a.client.status()).unreached).toEqual([]);
      });

      test('tells who hears a topic, here and at connected peers', async () => {
        await using _ = await b.client.subscribe('contract/topics');
        await using __ = await b.client.subscribe(['contract/topics', 'contract/topics-too']);
        // b has heard of its neighbours' subscriptions only when they tell; a knows of b's by now.
        expect(await b.client.topics()).toContainEqual({
          topic: 'contract/topics',
          subscriptions: 2,
          peers: 0,
        });
        expect(await a.client.topics()).toContainEqual({
          topic: 'contract/topics-too',
          subscriptions: 0,
          peers: 1,
        });
      });

      test('tells how peers are reached', async () => {
        const routes = await a.client.routes();
        expect(routes.find(({ peer }) => peer === b.id)).toMatchObject({
          name: b.name,
          next: b.id,
          nextName: b.name,
          distance: 1,
          rule: 'table',
          ageMs: expect.any(Number),
        });
      });

      test('pings a peer by name', async () => {
        const { peer, rttMs } = await a.client.ping(b.name);
        expect(peer).toBe(b.id);
        expect(rttMs).toBeGreaterThan(0);
      });

      test.each([undefined, null, 5, {}])('takes no %j for a text, and goes on', async (value) => {
        const wrong = value as unknown as string;
        const { client } = a;
        const calls = [
          client.request(wrong, bytes('x')),
          collect(client.requestStream(wrong, bytes('x'))),
          client.connect(wrong),
          client.disconnect(wrong),
          client.ping(wrong),
          client.broadcast(wrong, bytes('x')),
          client.subscribe([wrong]),
          client.handle(wrong, () => bytes('x')),
          client.request(b.id, wrong as unknown as Uint8Array),
        ];
        if (value !== undefined) {
          calls.push(client.request(b.id, bytes('x'), { service: wrong }));
          calls.push(collect(client.requestStream(b.id, bytes('x'), { service: wrong })));
        }
        const codes = await Promise.all(calls.map(async (call) => (await failure(call)).code));
        expect(codes).toEqual(calls.map(() => 'invalid'));
        expect((await client.status()).id).toBe(a.id);
      });

      test('fails to ping a peer that nobody knows', async () => {
        expect((await failure(a.client.ping('no-such-peer'))).code).toBe('unknown-peer');
      });
    });
  });

  describe(`client contract, connections: ${name}`, () => {
    test('disconnect ends calls with disconnected, connect brings the peer back', async () => {
      const { a, b, close } = await makePair();
      const [{ addresses }, started] = [await b.client.status(), Promise.withResolvers<void>()];
      const address = addresses[0] as string;
      await b.client.handle('stuck', async ({ signal }) => {
        started.resolve();
        await aborted(signal);
        return new Uint8Array();
      });
      expect(await a.client.connect(b.name)).toMatchObject({ peer: b.id, name: b.name });
      const open = failure(a.client.request(b.id, bytes('x'), { service: 'stuck' }));
      await started.promise;
      expect(await a.client.disconnect(b.id)).toBe(1);
      expect((await open).code).toBe('disconnected');
      expect((await a.client.peers()).filter(({ connected }) => connected)).toEqual([]);
      expect(await a.client.disconnect(b.id)).toBe(0);
      expect(await a.client.connect(address)).toEqual({ peer: b.id, name: b.name, address });
      expect(await a.client.peers()).toContainEqual(expect.objectContaining({ id: b.id, connected: true }));
      await close();
    });

    test('an idempotent request is asked again when its connection breaks, any other is not', async () => {
      const { a, b, close } = await makePair();
      let started = Promise.withResolvers<void>();
      const asked = { once: 0, again: 0 };
      for (const service of ['once', 'again'] as const)
        await b.client.handle(service, async ({ signal, payload }) => {
          asked[service] += 1;
          started.resolve();
          if (asked[service] > 1) return payload;
          await aborted(signal);
          return new Uint8Array();
        });
      for (const service of ['once', 'again'] as const) {
        started = Promise.withResolvers();
        const idempotent = service === 'again';
        const answer = a.client.request(b.id, bytes('whole'), { service, idempotent });
        answer.catch(() => {});
        await started.promise;
        await a.client.disconnect(b.id);
        if (idempotent) expect(text(await answer)).toBe('whole');
        else expect((await failure(answer)).code).toBe('disconnected');
      }
      expect(asked).toEqual({ once: 1, again: 2 });
      await close();
    });

    test('closing the client ends what it iterates, without an error, and its calls with stopped', async () => {
      const { a, b, close } = await makePair();
      const { client } = a;
      const [subscription, watch] = [await client.subscribe('closing'), await client.watch()];
      const read = async (messages: AsyncIterable<unknown>) => {
        for await (const _ of messages);
      };
      const reading = Promise.all([read(subscription), read(watch)]);
      await b.client.handle('stuck', ({ signal }) => aborted(signal).then(() => new Uint8Array()));
      const call = failure(client.request(b.id, bytes('x'), { service: 'stuck' }));
      await client.close();
      await reading;
      expect((await call).code).toBe('stopped');
      expect((await failure(client.status())).code).toBe('stopped');
      await close();
    });

    test('connect and disconnect say what is wrong with a peer', async () => {
      const { a, close } = await makePair();
      const { client } = a;
      for (const act of [() => client.connect('no-such-peer'), () => client.disconnect('no-such-peer')])
        expect((await failure(act())).code).toBe('unknown-peer');
      for (const act of [() => client.connect('/ip4/x'), () => client.disconnect('/ip4/x')])
        expect((await failure(act())).code).toBe('invalid');
      expect((await failure(client.connect(a.id))).code).toBe('invalid');
      expect((await failure(client.disconnect(a.name))).code).toBe('invalid');
      expect((await failure(client.connect('/ip4/127.0.0.1/tcp/1'))).code).toBe('unreachable');
      await close();
    });
  });

  describe(`client contract, watching: ${name}`, () => {
    /** The next event of a type; what else happens is passed over. */
    async function next(events: AsyncIterator<NodeEvent>, type: NodeEvent['type']): Promise<NodeEvent> {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error(`the watch ended before ${type}`);
        if (value.type === type) return value;
      }
    }

    test('peers, services and topics that come and go are told, with the time', async () => {
      const { a, b, close } = await makePair();
      const before = Date.now();
      const watch = await a.client.watch();
      const events = watch[Symbol.asyncIterator]();
      const registration = await a.client.handle('watched', ({ payload }) => payload);
      const added = await next(events, 'service-added');
      expect(added).toEqual({ type: 'service-added', service: 'watched', at: added.at, missed: 0 });
      expect(added.at).toBeGreaterThanOrEqual(before);
      expect(added.at).toBeLessThanOrEqual(Date.now());
      await registration.close();
      expect(await next(events, 'service-removed')).toMatchObject({ service: 'watched' });
      const subscription = await a.client.subscribe('watched');
      expect(await next(events, 'topic-joined')).toMatchObject({ topic: 'watched' });
      await subscription.close();
      expect(await next(events, 'topic-left')).toMatchObject({ topic: 'watched' });
      await a.client.disconnect(b.id);
      expect(await next(events, 'peer-disconnected')).toMatchObject({ peer: b.id, name: b.name });
      await a.client.connect(b.id);
      expect(await next(events, 'peer-connected')).toMatchObject({
        peer: b.id,
        name: b.name,
        kind: 'peerd',
      });
      await watch.close();
      expect((await events.next()).done).toBe(true);
      await close();
    });

    test('can be iterated at once; leaving the loop, its signal and its client end it', async () => {
      const { a, close } = await makePair();
      const first = (async () => {
        for await (const { type } of a.client.watch()) return type;
        return 'ended';
      })();
      const controller = new AbortController();
      const second = await a.client.watch({ signal: controller.signal });
      const third = await a.client.watch();
      await a.client.handle('watched', ({ payload }) => payload);
      expect(await first).toBe('service-added');
      controller.abort();
      const seen: string[] = [];
      for await (const { type } of second) seen.push(type);
      expect(seen.filter((type) => type !== 'service-added')).toEqual([]);
      const reading = (async () => {
        for await (const _ of third);
      })().then(
        () => 'ended',
        (error: PeerdError) => error.code,
      );
      await a.client.close();
      expect(['ended', 'stopped']).toContain(await reading);
      expect((await failure(a.client.watch())).code).toBe('stopped');
      await close();
    });

    test('a watcher that does not read loses the oldest, and hears how many', async () => {
      const { a, close } = await makePair();
      await using watch = await a.client.watch();
      const total = 3_000;
      // Each registration is an event, and so is its end.
      for (let index = 0; index < total / 100; index += 1)
        await Promise.all(
          Array.from({ length: 50 }, async (_, each) =>
            (await a.client.handle(`flood-${index}-${each}`, ({ payload }) => payload)).close(),
          ),
        );
      await a.client.handle('last', ({ payload }) => payload);
      let seen = 0;
      let missed = 0;
      for await (const event of watch) {
        seen += 1;
        missed += event.missed ?? 0;
        if (event.type === 'service-added' && event.service === 'last') break;
      }
      expect(missed).toBeGreaterThan(0);
      expect(seen + missed).toBe(total + 1);
      await close();
    });
  });

  describe(`client contract, top: ${name}`, () => {
    test('shows the loop, the calls and every queue with its bound', async () => {
      const { a, b, close } = await makePair();
      const started = Promise.withResolvers<void>();
      const answers: (() => void)[] = [];
      const payload = new Uint8Array(10_000);
      const handler = () =>
        new Promise<Uint8Array>((resolve) => {
          answers.push(() => resolve(payload));
          started.resolve();
        });
      await b.client.handle('top', handler, { concurrency: 1 });
      const asked = [1, 2, 3].map(() => a.client.request(b.id, payload, { service: 'top' }));
      await started.promise;
      let top = await b.client.top();
      const queue = (of: NodeTop, part: string) => of.queues.find(({ name }) => name.includes(part));
      while (queue(top, 'service "top"')?.size !== 2) top = await b.client.top();
      expect(top.calls).toMatchObject({ outbound: 0, inbound: 3 });
      expect(top.calls.bytesInFlight).toBeGreaterThanOrEqual(30_000);
      expect(queue(top, 'inbound calls')).toMatchObject({ size: 3, limit: 16_384, refused: 0 });
      expect(queue(top, 'service "top"')).toMatchObject({ limit: 32_768, unit: 'items', refused: 0 });
      const asking = await a.client.top();
      expect(asking.calls).toMatchObject({ outbound: 3, inbound: 0 });
      expect(queue(asking, 'outbound calls')).toMatchObject({ size: 3, limit: 16_384 });
      expect(queue(asking, 'bytes in flight')).toMatchObject({ unit: 'bytes', limit: 256 * 1024 * 1024 });
      for (const each of [top, asking]) {
        expect(new Set(each.queues.map(({ name }) => name)).size).toBe(each.queues.length);
        for (const { name, size, limit, refused } of each.queues) {
          expect(limit, name).toBeGreaterThan(0);
          expect(size, name).toBeLessThanOrEqual(limit);
          expect(refused, name).toBe(0);
        }
        expect(each.loop.turns).toBeGreaterThan(0);
        expect(each.loop.inputs).toBeGreaterThan(0);
        expect(each.loop.longestTurnMs).toBeGreaterThanOrEqual(0);
        expect(each.loop.longestWaitMs).toBeGreaterThan(0);
        expect(each.memory.rssBytes).toBeGreaterThan(each.memory.heapUsedBytes);
        expect(Math.abs(Date.now() - each.at)).toBeLessThan(60_000);
      }
      for (let left = 3; left > 0; left -= 1) {
        while (answers.length === 0) await b.client.status();
        answers.shift()?.();
      }
      await Promise.all(asked);
      expect((await b.client.top()).calls).toEqual({ outbound: 0, inbound: 0, bytesInFlight: 0 });
      await close();
    });

    test('counts what was refused, and a watcher is told', async () => {
      const { a, close } = await makePair();
      const watch = await a.client.watch();
      const requests = Array.from({ length: 1_100 }, () =>
        a.client
          .broadcast('nobody', bytes('x'), { timeoutMs: 60_000 })
          .catch((error: PeerdError) => error.code),
      );
      for await (const event of watch) {
        if (event.type !== 'overload') continue;
        expect(event).toMatchObject({ queue: 'broadcasts waiting for a subscriber', limit: 1_024 });
        break;
      }
      const { queues } = await a.client.top();
      expect(queues.find(({ name }) => name === 'broadcasts waiting for a subscriber')).toMatchObject({
        size: 1_024,
        limit: 1_024,
        refused: 1_100 - 1_024,
      });
      await a.client.close();
      const codes = await Promise.all(requests);
      expect(codes.filter((code) => code === 'busy')).toHaveLength(1_100 - 1_024);
      await close();
    });
  });

  describe(`client contract, signals: ${name}`, () => {
    test('every call ends with the reason of a signal that is aborted already', async () => {
      const { a, close } = await makePair();
      const reason = new Error('too late');
      const options = { signal: AbortSignal.abort(reason) };
      const { client } = a;
      const calls: Record<string, () => Promise<unknown>> = {
        request: () => client.request('bob', bytes('x'), options),
        requestStream: () => collect(client.requestStream('bob', bytes('x'), options)),
        broadcast: () => client.broadcast('topic', bytes('x'), options),
        peers: () => client.peers(options),
        connect: () => client.connect('bob', options),
        disconnect: () => client.disconnect('bob', options),
        status: () => client.status(options),
        topics: () => client.topics(options),
        services: () => client.services(options),
        top: () => client.top(options),
        watch: () => client.watch(options),
        handle: () => client.handle('called-off', ({ payload }) => payload, options),
        subscribe: () => client.subscribe('called-off', options),
        ping: () => client.ping('bob', options),
      };
      for (const [name, call] of Object.entries(calls))
        expect(await call().catch((error: unknown) => error), name).toBe(reason);
      // Nothing was done.
      const { peers, services, topics } = await client.status();
      expect([peers.connected, services, topics]).toEqual([1, [], []]);
      await close();
    });

    test('a registration and a subscription end with their signal, and free what they held', async () => {
      const { a, close } = await makePair();
      const { client } = a;
      const controller = new AbortController();
      const { signal } = controller;
      await client.handle('leased', ({ payload }) => payload, { signal });
      const subscription = await client.subscribe('leased', { signal });
      const reading = collect(
        (async function* () {
          for await (const { payload } of subscription) yield payload;
        })(),
      );
      expect(await client.status()).toMatchObject({ services: ['leased'], topics: ['leased'] });
      controller.abort(new Error('enough'));
      expect(await reading).toEqual([]);
      await subscription.close();
      for (;;) {
        const { services, topics } = await client.status();
        if (services.length + topics.length === 0) break;
      }
      await close();
    });
  });

  describe(`client contract, closing: ${name}`, () => {
    test('a closed client settles what was open with stopped, and so it does with what comes after', async () => {
      const { a, b, close } = await makePair();
      const started = Promise.withResolvers<void>();
      await b.client.handle('stuck', async ({ signal }) => {
        started.resolve();
        await aborted(signal);
        return new Uint8Array();
      });
      const subscription = await a.client.subscribe('contract/open');
      const reading = (async () => {
        for await (const _ of subscription);
      })().then(
        () => 'ended',
        (error: PeerdError) => error.code,
      );
      const open = failure(a.client.request(b.id, bytes('x'), { service: 'stuck' }));
      await started.promise;
      await a.client.close();
      expect((await open).code).toBe('stopped');
      expect(['ended', 'stopped']).toContain(await reading);
      expect((await failure(a.client.status())).code).toBe('stopped');
      expect((await failure(a.client.handle('late', ({ payload }) => payload))).code).toBe('stopped');
      await a.client.close();
      await close();
    });
  });
}
