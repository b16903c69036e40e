import type { BroadcastMessage } from '@peerd/protocol';
import { Ring } from '../channel/ring.ts';

/** Bytes kept for a reader that is behind, whatever the number of messages: four of the largest. */
export const MAX_QUEUED_MESSAGE_BYTES: number = 64 * 1024 * 1024;

/**
 * Messages for one reader, who takes them at its own pace. When it is full the oldest is lost, and the next
 * that is taken says how many were.
 */
export class MessageQueue {
  readonly #messages = new Ring<BroadcastMessage>();
  readonly #maxMessages: number;
  #bytes = 0;
  #missed = 0;
  #isClosed = false;
  #waiting: ((message: BroadcastMessage | undefined) => void) | undefined;

  constructor(maxMessages: number) {
    this.#maxMessages = maxMessages;
  }

  push(topic: string, from: string, payload: Uint8Array): void {
    if (this.#isClosed) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting({ topic, from, payload, missed: this.#missed });
      this.#missed = 0;
      return;
    }
    this.#messages.push({ topic, from, payload, missed: 0 });
    this.#bytes += payload.length;
    while (
      this.#messages.size > this.#maxMessages ||
      (this.#bytes > MAX_QUEUED_MESSAGE_BYTES && this.#messages.size > 1)
    ) {
      this.#bytes -= (this.#messages.shift() as BroadcastMessage).payload.length;
      this.#missed += 1;
    }
  }

  /** The next message; `undefined` once the queue is closed. One reader may wait at a time. */
  async take(): Promise<BroadcastMessage | undefined> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#bytes -= message.payload.length;
      if (this.#missed === 0) return message;
      const missed = this.#missed;
      this.#missed = 0;
      return { ...message, missed };
    }
    if (this.#isClosed) return undefined;
    return await new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** What is queued can still be taken. */
  close(): void {
    this.#isClosed = true;
    this.#waiting?.(undefined);
    this.#waiting = undefined;
  }
}
