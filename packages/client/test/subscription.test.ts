import { expect, test } from 'vitest';
import { SocketSubscription } from '../src/subscription.ts';

const MiB = 1024 * 1024;

test('a reader that is behind loses the oldest past 64 MiB, and is told how many', async () => {
  const subscription = new SocketSubscription(['news'], 1_000, async () => {});
  const payload = new Uint8Array(16 * MiB);
  for (let sent = 0; sent < 6; sent += 1)
    subscription.push({ topic: 'news', from: `${sent}`, payload, missed: sent === 0 ? 3 : 0 });
  subscription.end();
  const heard: [string, number][] = [];
  for await (const { from, missed } of subscription) heard.push([from, missed]);
  expect(heard).toEqual([
    ['2', 5],
    ['3', 0],
    ['4', 0],
    ['5', 0],
  ]);
});

test('one message is kept, whatever its size', async () => {
  const subscription = new SocketSubscription(['news'], 1_000, async () => {});
  subscription.push({ topic: 'news', from: 'bob', payload: new Uint8Array(65 * MiB), missed: 0 });
  expect((await subscription[Symbol.asyncIterator]().next()).value).toMatchObject({ from: 'bob', missed: 0 });
});
