import type { BroadcastMessage, QueueInfo, Subscription } from '@peerd/protocol';
import { lingerMs } from '@peerd/protocol/control';

/** Subscriptions that may wait for lost clients at a time. Each keeps its topics joined; the oldest has to go. */
const maxLingering = 1_024;

/** Where the messages of a feed go. */
export interface Listener {
  send(message: BroadcastMessage): void;
  /** Resolves when it takes more. */
  room(): Promise<void>;
}

/** A subscription of one client. It can outlive the connection: while nobody listens its messages are counted. */
export class Feed {
  readonly lease: string;
  /** Resolves when the subscription has ended. */
  readonly ended: Promise<void>;
  readonly #subscription: Subscription;
  #position = 0;
  #listener: Listener | undefined;
  #replaced = () => {};

  constructor(lease: string, subscription: Subscription) {
    this.lease = lease;
    this.#subscription = subscription;
    this.ended = this.#pump();
    this.ended.catch(() => {});
  }

  /** Messages so far, also those that were lost: what a client that heard it all has counted. */
  get position(): number {
    return this.#position;
  }

  /** For a client that has counted nothing yet: it never heard that the subscription stood. */
  countAnew(): void {
    this.#position = 0;
  }

  /** From now on this one gets the messages; resolves when it no longer does. */
  listen(listener: Listener): Promise<void> {
    this.#replaced();
    this.#listener = listener;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#replaced = resolve;
    return Promise.race([promise, this.ended]);
  }

  /** Whether it was this one that got them. */
  leave(listener: Listener): boolean {
    if (this.#listener !== listener) return false;
    this.#listener = undefined;
    return true;
  }

  async close(): Promise<void> {
    await this.#subscription.close();
  }

  async #pump(): Promise<void> {
    for await (const message of this.#subscription) {
      this.#position += 1 + (message.missed ?? 0);
      const listener = this.#listener;
      // While the client doesn't read, messages wait in the subscription's own bounded queue.
      await listener?.room();
      if (listener !== undefined && this.#listener === listener) listener.send(message);
    }
  }
}

/** The feeds that clients may come back for. */
export class Feeds {
  readonly #byLease = new Map<string, Feed>();
  readonly #lingering = new Map<Feed, NodeJS.Timeout>();
  #refused = 0;

  get load(): QueueInfo {
    return {
      name: 'subscriptions kept for lost clients',
      unit: 'items',
      size: this.#lingering.size,
      limit: maxLingering,
      refused: this.#refused,
    };
  }

  /** The feed of a lease, for a client that goes on with it. */
  find(lease: string): Feed | undefined {
    const feed = this.#byLease.get(lease);
    if (feed !== undefined) this.#stopLingering(feed);
    return feed;
  }

  add(feed: Feed): void {
    if (feed.lease === '') return;
    this.#byLease.set(feed.lease, feed);
    const forget = () => {
      this.#stopLingering(feed);
      if (this.#byLease.get(feed.lease) === feed) this.#byLease.delete(feed.lease);
    };
    feed.ended.then(forget, forget);
  }

  /** Its client is gone without a good-bye: it has a while to come back. */
  linger(feed: Feed): void {
    if (this.#byLease.get(feed.lease) !== feed) return void feed.close();
    const [oldest] = this.#lingering.keys();
    if (oldest !== undefined && this.#lingering.size >= maxLingering) {
      this.#refused += 1;
      void this.#drop(oldest);
    }
    this.#lingering.set(
      feed,
      setTimeout(() => void this.#drop(feed), lingerMs),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lingering.keys()].map((feed) => this.#drop(feed)));
  }

  async #drop(feed: Feed): Promise<void> {
    this.#stopLingering(feed);
    await feed.close();
  }

  #stopLingering(feed: Feed): void {
    clearTimeout(this.#lingering.get(feed));
    this.#lingering.delete(feed);
  }
}
