import type { BroadcastMessage, Subscription } from '@peerd/protocol';

/** Bytes kept for a reader that is behind, whatever the number of messages: as many as in the daemon. */
const maxQueuedBytes = 64 * 1024 * 1024;

/**
 * The messages of one subscription, for one reader. A reader that falls behind loses the oldest, as it would in
 * the daemon: without a queue here a slow reader would hold up every other call on the connection.
 */
export class SocketSubscription implements Subscription {
  readonly topics: readonly string[];
  readonly #maxQueued: number;
  readonly #leave: () => Promise<void>;
  #queue: BroadcastMessage[] = [];
  #queuedBytes = 0;
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
    this.#queuedBytes += message.payload.length;
    while (
      this.#queue.length > this.#maxQueued ||
      (this.#queuedBytes > maxQueuedBytes && this.#queue.length > 1)
    )
      this.#missed += 1 + (this.#take()?.missed ?? 0);
    this.#wake?.();
  }

  #take(): BroadcastMessage | undefined {
    const message = this.#queue.shift();
    this.#queuedBytes -= message?.payload.length ?? 0;
    return message;
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
    this.#queuedBytes = 0;
    this.end();
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<BroadcastMessage, void, undefined> {
    try {
      for (;;) {
        const message = this.#take();
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
