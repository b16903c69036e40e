import { expect, test } from 'vitest';
import { Watchers } from '../src/watchers.ts';

test('4,096 may watch at a time, and one more is told busy until one has gone', () => {
  const watchers = new Watchers();
  const queues = Array.from({ length: 4_096 }, () => watchers.add());
  expect(() => watchers.add()).toThrow(expect.objectContaining({ code: 'busy' }));
  expect(watchers.load[0]).toEqual({
    name: 'watchers',
    unit: 'items',
    size: 4_096,
    limit: 4_096,
    refused: 1,
  });
  for (const queue of queues.slice(0, 1)) watchers.remove(queue);
  watchers.add();
});

test('what watchers have lost stays counted when they are gone', async () => {
  const watchers = new Watchers();
  const slow = watchers.add();
  const quick = watchers.add();
  for (let event = 0; event < 1_034; event += 1) {
    watchers.tell({ type: 'topic-joined', topic: `${event}` });
    expect((await quick.take())?.missed).toBe(0);
  }
  const lost = () => watchers.load[1];
  expect(lost()).toMatchObject({ size: 1_024, limit: 1_024, refused: 10 });
  expect(await slow.take()).toMatchObject({ topic: '10', missed: 10 });
  watchers.remove(slow);
  expect(lost()).toMatchObject({ size: 0, refused: 10 });
});
