import type { BroadcastMessage, Subscription } from './client.ts';
import type { MessageQueue } from './message-queue.ts';

/** A subscription whose messages come through a queue. */
export class QueuedSubscription implements Subscription {
  readonly topics: readonly string[];
  readonly #queue: MessageQueue;
  readonly #leave: () => Promise<void>;
  #left: Promise<void> | undefined;

  /** `leave` gives the topics up. It is called once. */
  constructor(topics: readonly string[], queue: MessageQueue, leave: () => Promise<void>) {
    this.topics = topics;
    this.#queue = queue;
    this.#leave = leave;
  }

  close(): Promise<void> {
    this.#queue.close();
    this.#left ??= this.#leave();
    return this.#left;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<BroadcastMessage, void, undefined> {
    try {
      for (;;) {
        const message = await this.#queue.take();
        if (message === undefined) return;
        yield message;
      }
    } finally {
      await this.close();
    }
  }
}
