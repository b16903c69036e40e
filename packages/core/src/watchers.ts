import {
  defaults,
  MessageQueue,
  type NodeEvent,
  type NodeLife,
  PeerdError,
  type QueueInfo,
} from '@peerd/protocol';

/** Watchers at a time, 4 for each client that a daemon takes; each event is kept for every one of them. */
const MAX_WATCHERS = 4_096;

/** Who watches the node: each has a queue of its own, so that a slow one loses events and no one else does. */
export class Watchers {
  readonly #queues = new Set<MessageQueue<NodeEvent>>();
  #refused = 0;
  /** Events that those lost who are gone. */
  #missed = 0;

  /** Fails with `busy` when there are too many. */
  add(): MessageQueue<NodeEvent> {
    if (this.#queues.size >= MAX_WATCHERS) {
      this.#refused += 1;
      throw new PeerdError('busy', `${MAX_WATCHERS} programs watch this node, which is the limit`);
    }
    const queue = new MessageQueue<NodeEvent>(defaults.maxQueuedEvents, () => 0);
    this.#queues.add(queue);
    return queue;
  }

  remove(queue: MessageQueue<NodeEvent>): void {
    if (this.#queues.delete(queue)) this.#missed += queue.lost;
    queue.end();
  }

  tell(life: NodeLife): void {
    if (this.#queues.size === 0) return;
    const event: NodeEvent = { ...life, at: Date.now(), missed: 0 };
    for (const queue of this.#queues) queue.push(event);
  }

  end(): void {
    for (const queue of [...this.#queues]) this.remove(queue);
  }

  get load(): QueueInfo[] {
    let fullest = 0;
    let missed = this.#missed;
    for (const queue of this.#queues) {
      fullest = Math.max(fullest, queue.size);
      missed += queue.lost;
    }
    return [
      {
        name: 'watchers',
        unit: 'items',
        size: this.#queues.size,
        limit: MAX_WATCHERS,
        refused: this.#refused,
      },
      {
        name: 'events waiting for the slowest watcher',
        unit: 'items',
        size: fullest,
        limit: defaults.maxQueuedEvents,
        refused: missed,
      },
    ];
  }
}
