import { describe, expect, test } from 'vitest';
import { MAX_QUEUED_MESSAGE_BYTES, MessageQueue } from '../src/broadcast/queue.ts';

/** Pushes messages whose payload is their number. */
function push(queue: MessageQueue, ...numbers: number[]): void {
  for (const number of numbers) queue.push('news', 'bob', Uint8Array.of(number));
}

/** What is taken: `number` or `number (missed)`. */
async function take(queue: MessageQueue, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const message = await queue.take();
    if (message === undefined) taken.push('end');
    else
      taken.push(
        message.missed === 0 ? `${message.payload[0]}` : `${message.payload[0]} (${message.missed})`,
      );
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
    const half = new Uint8Array(MAX_QUEUED_MESSAGE_BYTES / 2);
    for (let i = 0; i < 5; i += 1) queue.push('news', 'bob', half);
    expect((await queue.take())?.missed).toBe(3);
    queue.push('news', 'bob', new Uint8Array(MAX_QUEUED_MESSAGE_BYTES + 1));
    expect(await queue.take()).toMatchObject({
      missed: 1,
      payload: { length: MAX_QUEUED_MESSAGE_BYTES + 1 },
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

  test('that is closed gives what it has and then the end, also to a reader that waits', async () => {
    const queue = new MessageQueue(5);
    push(queue, 1, 2);
    queue.close();
    push(queue, 3);
    expect(await take(queue, 4)).toEqual(['1', '2', 'end', 'end']);
    const empty = new MessageQueue(5);
    const waiting = take(empty, 1);
    empty.close();
    expect(await waiting).toEqual(['end']);
  });
});
