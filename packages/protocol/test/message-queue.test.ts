import { type BroadcastMessage, MessageQueue, maxQueuedMessageBytes } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';

function message(payload: Uint8Array, missed: number | undefined = 0): BroadcastMessage {
  return { topic: 'news', from: 'bob', payload, missed };
}

/** Pushes messages whose payload is their number. */
function push(queue: MessageQueue, ...numbers: number[]): void {
  for (const number of numbers) queue.push(message(Uint8Array.of(number)));
}

/** What is taken: `number` or `number (missed)`. */
async function take(queue: MessageQueue, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const next = await queue.take();
    if (next === undefined) taken.push('end');
    else taken.push(next.missed === 0 ? `${next.payload[0]}` : `${next.payload[0]} (${next.missed})`);
  }
  return taken;
}

describe('a queue of messages', () => {
  test('gives them in order, with their topic and sender, and none missed', async () => {
    const queue = new MessageQueue(3);
    push(queue, 1, 2, 3);
    expect(await queue.take()).toEqual({ topic: 'news', from: 'bob', payload: Uint8Array.of(1), missed: 0 });
    expect(await take(queue, 2)).toEqual(['2', '3']);
  });

  test('loses the oldest when it is full, and says how many with the next that is taken, once', async () => {
    const queue = new MessageQueue(3);
    push(queue, 1, 2, 3, 4, 5);
    expect(await take(queue, 1)).toEqual(['3 (2)']);
    push(queue, 6, 7);
    expect(await take(queue, 3)).toEqual(['5 (1)', '6', '7']);
  });

  test('is bounded by bytes too, but keeps one message whatever its size', async () => {
    const queue = new MessageQueue(1_000);
    const half = new Uint8Array(maxQueuedMessageBytes / 2);
    for (let i = 0; i < 5; i += 1) queue.push(message(half));
    expect((await queue.take())?.missed).toBe(3);
    queue.push(message(new Uint8Array(maxQueuedMessageBytes + 1)));
    expect(await queue.take()).toMatchObject({
      missed: 1,
      payload: { length: maxQueuedMessageBytes + 1 },
    });
    push(queue, 1);
    expect(await take(queue, 1)).toEqual(['1']);
  });

  test('hands a message straight to a reader that waits', async () => {
    const queue = new MessageQueue(1);
    const waiting = take(queue, 1);
    push(queue, 1, 2);
    expect(await waiting).toEqual(['1']);
    expect(await take(queue, 1)).toEqual(['2']);
  });

  test('that may hold none counts what comes while its reader is busy', async () => {
    const queue = new MessageQueue(0);
    push(queue, 1, 2);
    const waiting = take(queue, 1);
    push(queue, 3);
    expect(await waiting).toEqual(['3 (2)']);
    const next = take(queue, 1);
    push(queue, 4);
    expect(await next).toEqual(['4']);
  });

  test('adds up what was lost before a message came and what it loses itself', async () => {
    const queue = new MessageQueue(2);
    queue.push(message(Uint8Array.of(1), 3));
    push(queue, 2, 3);
    expect(await take(queue, 2)).toEqual(['2 (4)', '3']);
  });

  test('tells what was lost on the way with the next message that comes, not with those it has', async () => {
    const queue = new MessageQueue(5);
    push(queue, 1);
    queue.miss(7);
    push(queue, 2, 3);
    expect(await take(queue, 3)).toEqual(['1', '2 (7)', '3']);
    const waiting = take(queue, 1);
    queue.miss(2);
    push(queue, 4);
    expect(await waiting).toEqual(['4 (2)']);
  });

  test('does not make a number of what is unknown', async () => {
    const queue = new MessageQueue(1);
    queue.miss(undefined);
    push(queue, 1, 2);
    expect(await take(queue, 1)).toEqual(['2 (undefined)']);
    push(queue, 3);
    expect(await take(queue, 1)).toEqual(['3']);
  });

  test('keeps its order over many rounds of filling and taking', async () => {
    const queue = new MessageQueue(200);
    const taken: string[] = [];
    let next = 0;
    for (let round = 0; round < 50; round += 1) {
      for (let count = 0; count < round % 7; count += 1) push(queue, next++);
      taken.push(...(await take(queue, Math.min(round % 3, next - taken.length))));
    }
    taken.push(...(await take(queue, next - taken.length)));
    expect(taken).toEqual(Array.from({ length: next }, (_, index) => `${index}`));
  });

  test('gives each of two readers that wait a message of its own', async () => {
    const queue = new MessageQueue(1);
    const waiting = [take(queue, 1), take(queue, 1)];
    push(queue, 1, 2);
    expect(await Promise.all(waiting)).toEqual([['1'], ['2']]);
  });

  test('that has ended gives what it has and then the end, also to a reader that waits', async () => {
    const queue = new MessageQueue(5);
    push(queue, 1, 2);
    queue.end();
    push(queue, 3);
    expect(await take(queue, 4)).toEqual(['1', '2', 'end', 'end']);
    const empty = new MessageQueue(5);
    const waiting = take(empty, 1);
    empty.end();
    expect(await waiting).toEqual(['end']);
  });

  test('that has failed gives what it has, then the failure, then the end', async () => {
    const queue = new MessageQueue(5);
    push(queue, 1);
    queue.end(new Error('gone'));
    expect(await take(queue, 1)).toEqual(['1']);
    await expect(queue.take()).rejects.toThrow('gone');
    expect(await take(queue, 1)).toEqual(['end']);
    const empty = new MessageQueue(5);
    const waiting = empty.take();
    empty.end(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });

  test('that is closed drops what it has', async () => {
    const queue = new MessageQueue(5);
    push(queue, 1);
    queue.end(new Error('gone'));
    queue.close();
    expect(await take(queue, 1)).toEqual(['end']);
  });
});
