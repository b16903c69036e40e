import type { NodeTop, PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { bytes, type MakePair } from './pair.ts';

export function topContract(name: string, makePair: MakePair): void {
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
        expect(each.counters).toContainEqual({ name: 'forged adverts', count: 0 });
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
}
