import { iterablePromise } from '@peerd/protocol';
import { expect, test } from 'vitest';

/** Yields 0 to 2, and tells whether it was disposed of. */
class Numbers implements AsyncIterable<number>, AsyncDisposable {
  disposals = 0;

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    for (let number = 0; number < 3; number += 1) yield number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposals += 1;
  }
}

async function unhandledDuring(work: () => Promise<void>): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', listener);
  await work();
  // Node reports them after the microtasks of the turn.
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  process.off('unhandledRejection', listener);
  return unhandled;
}

test('is the promise of what it iterates', async () => {
  const numbers = new Numbers();
  expect(await iterablePromise(Promise.resolve(numbers))).toBe(numbers);
});

test('is iterated to the end without being awaited', async () => {
  const heard: number[] = [];
  for await (const number of iterablePromise(Promise.resolve(new Numbers()))) heard.push(number);
  expect(heard).toEqual([0, 1, 2]);
});

test('leaving the loop disposes of what was promised', async () => {
  const numbers = new Numbers();
  for await (const number of iterablePromise(Promise.resolve(numbers))) if (number === 1) break;
  expect(numbers.disposals).toBe(1);
});

test('an iteration that is left before its first item disposes of it too', async () => {
  const numbers = new Numbers();
  await iterablePromise(Promise.resolve(numbers))[Symbol.asyncIterator]().return?.();
  expect(numbers.disposals).toBe(1);
});

test('a failure is thrown by the iteration, and by the await, and is handled by either', async () => {
  const unhandled = await unhandledDuring(async () => {
    const iterated = iterablePromise(Promise.reject<Numbers>(new Error('no such topic')));
    const iterate = async () => {
      for await (const _ of iterated);
    };
    await expect(iterate()).rejects.toThrow('no such topic');
    const awaited = iterablePromise(Promise.reject<Numbers>(new Error('no such topic')));
    await expect(awaited).rejects.toThrow('no such topic');
  });
  expect(unhandled).toEqual([]);
});
