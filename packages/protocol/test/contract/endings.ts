import type { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { aborted, bytes, collect, failure, type MakePair } from './pair.ts';

export function endingsContract(name: string, makePair: MakePair): void {
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
        trace: () => client.trace('bob', options),
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
