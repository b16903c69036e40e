import type { NodeEvent, PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { failure, type MakePair } from './pair.ts';

export function watchingContract(name: string, makePair: MakePair): void {
  describe(`client contract, watching: ${name}`, () => {
    /** The next event of a type; what else happens is passed over. */
    async function next(events: AsyncIterator<NodeEvent>, type: NodeEvent['type']): Promise<NodeEvent> {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error(`the watch ended before ${type}`);
        if (value.type === type) return value;
      }
    }

    /** A route is the last that comes by itself: what happens from then on is what the test does. */
    async function quietPair(): ReturnType<MakePair> {
      const pair = await makePair();
      await expect.poll(() => pair.a.client.routes()).toMatchObject([{ peer: pair.b.id }]);
      return pair;
    }

    test('peers, their routes, services and topics that come and go are told, with the time', async () => {
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
      const route = { peer: b.id, name: b.name };
      const lost = await next(events, 'route-lost');
      expect(lost).toEqual({ type: 'route-lost', ...route, at: lost.at, missed: 0 });
      await a.client.connect(b.id);
      expect(await next(events, 'peer-connected')).toMatchObject({ ...route, kind: 'peerd' });
      expect(await next(events, 'route-found')).toMatchObject(route);
      await watch.close();
      expect((await events.next()).done).toBe(true);
      await close();
    });

    test('can be iterated at once; leaving the loop, its signal and its client end it', async () => {
      const { a, close } = await quietPair();
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
      const { a, close } = await quietPair();
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
}
