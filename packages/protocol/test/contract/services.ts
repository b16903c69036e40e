import { beforeAll, describe, expect, test } from 'vitest';
import { bytes, type ContractPeer, failure, type StandingPair, text } from './pair.ts';

export function servicesContract(standing: StandingPair): void {
  let a: ContractPeer;
  let b: ContractPeer;
  beforeAll(() => {
    ({ a, b } = standing);
  });
  const { serve } = standing;
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
      const service = standing.newService();
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
      const service = standing.newService();
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
}
