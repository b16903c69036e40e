import type { MessageQueue, QueueInfo } from '@peerd/protocol';
import { maxQueuedMessageBytes } from '@peerd/protocol';
import type { Drivers } from './server/messages.ts';

/** The queues of all subscriptions: each has its own, so that a slow reader loses messages and no one else does. */
export class Subscriptions {
  readonly effects: Pick<Drivers, 'broadcast/deliver'>;
  readonly #queues = new Map<number, MessageQueue>();
  /** Messages that those lost which are gone. */
  #lost = 0;

  constructor() {
    this.effects = {
      'broadcast/deliver': ({ subscriptions, topic, from, payload }) => {
        const message = { topic, from, payload, missed: 0 };
        for (const ref of subscriptions) this.#queues.get(ref)?.push(message);
      },
    };
  }

  add(ref: number, queue: MessageQueue): void {
    this.#queues.set(ref, queue);
  }

  remove(ref: number): void {
    this.#lost += this.#queues.get(ref)?.lost ?? 0;
    this.#queues.delete(ref);
  }

  /** Whoever iterates comes to the end. */
  end(): void {
    for (const queue of this.#queues.values()) queue.end();
  }

  /** Of the fullest, by its own bounds; what was lost is that of all. */
  get load(): QueueInfo[] {
    let refused = this.#lost;
    let fullest: MessageQueue | undefined;
    let bytes = 0;
    for (const queue of this.#queues.values()) {
      refused += queue.lost;
      bytes = Math.max(bytes, queue.bytes);
      if (fullest === undefined || share(queue) > share(fullest)) fullest = queue;
    }
    const { size = 0, maxMessages: limit = 0 } = fullest ?? {};
    return [
      { name: 'messages waiting for the slowest subscription', unit: 'items', size, limit, refused },
      // Each message that was lost is counted above, whichever bound it was lost to.
      {
        name: 'bytes of messages waiting for a subscription',
        unit: 'bytes',
        size: bytes,
        limit: maxQueuedMessageBytes,
        refused: 0,
      },
    ];
  }
}

function share({ size, maxMessages }: MessageQueue): number {
  return size / maxMessages;
}
