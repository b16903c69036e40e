import type { BroadcastMessage, Subscription } from './client.ts';
import type { MessageQueue } from './message-queue.ts';

/** What comes through a queue, to be iterated. */
export class QueuedItems<Item extends { readonly missed?: number | undefined }>
  implements AsyncIterable<Item>, AsyncDisposable
{
  readonly #queue: MessageQueue<Item>;
  readonly #leave: () => Promise<void>;
  #left: Promise<void> | undefined;

  /** `leave` gives the source of the items up. It is called once. */
  constructor(queue: MessageQueue<Item>, leave: () => Promise<void>) {
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

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
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

/** A subscription whose messages come through a queue. */
export class QueuedSubscription extends QueuedItems<BroadcastMessage> implements Subscription {
  readonly topics: readonly string[];

  constructor(topics: readonly string[], queue: MessageQueue, leave: () => Promise<void>) {
    super(queue, leave);
    this.topics = topics;
  }
}
