/** What iterating a `Whole` yields. */
type ItemOf<Whole> = Whole extends AsyncIterable<infer Item> ? Item : never;

/**
 * A promise of something that is iterated, which can be iterated itself: `for await` needs no `await` before
 * its subject. A failure of the promise is thrown by the iteration.
 */
export interface IterablePromise<Whole> extends Promise<Whole>, AsyncIterable<ItemOf<Whole>> {}

/** Makes a promise iterable. Leaving the iteration disposes of what was promised: nobody else may have it. */
export function iterablePromise<Whole extends AsyncIterable<unknown> & AsyncDisposable>(
  promise: Promise<Whole>,
): IterablePromise<Whole> {
  const iterate = (): AsyncIterator<unknown, undefined> => {
    let begun: AsyncIterator<unknown> | undefined;
    return {
      async next() {
        begun ??= (await promise)[Symbol.asyncIterator]();
        const { done, value } = await begun.next();
        return done ? { done: true, value: undefined } : { done: false, value };
      },
      async return() {
        await (await promise)[Symbol.asyncDispose]();
        return { done: true, value: undefined };
      },
    };
  };
  return Object.assign(promise, { [Symbol.asyncIterator]: iterate }) as IterablePromise<Whole>;
}
