import type { BroadcastMessage, Subscription } from '@peerd/protocol';

/**
 * The messages of one subscription, for one reader. A reader that falls behind loses the oldest, as it would in
 * the daemon: without a queue here a slow reader would hold up every other call on the connection.
 */
export class SocketSubscription implements Subscription {
  readonly topics: readonly string[];
  readonly #maxQueued: number;
  readonly #leave: () => Promise<void>;
  #queue: BroadcastMessage[] = [];
  #missed = 0;
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(topics: readonly string[], maxQueued: number, leave: () => Promise<void>) {
    this.topics = topics;
    this.#maxQueued = maxQueued;
    this.#leave = leave;
  }

  push(message: BroadcastMessage): void {
    if (this.#ended) return;
    this.#queue.push(message);
    if (this.#queue.length > this.#maxQueued) {
      const lost = this.#queue.shift();
      this.#missed += 1 + (lost?.missed ?? 0);
    }
    this.#wake?.();
  }

  /** Ends the iteration after what is queued; with an error it throws that. */
  end(failure?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  close(): Promise<void> {
    this.#queue = [];
    this.end();
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<BroadcastMessage, void, undefined> {
    try {
      for (;;) {
        const message = this.#queue.shift();
        if (message !== undefined) {
          const missed = message.missed + this.#missed;
          this.#missed = 0;
          yield { ...message, missed };
        } else if (this.#ended) {
          const failure = this.#failure;
          this.#failure = undefined;
          if (failure !== undefined) throw failure;
          return;
        } else {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#wake = resolve;
          await promise;
        }
      }
    } finally {
      await this.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
