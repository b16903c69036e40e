import { answerOverhead, streamWindow } from './limits.ts';

export function costOf(payload: Uint8Array): number {
  return payload.length + answerOverhead;
}

/** The sending end of a stream of answers: how much is under way, and whether there is room for more. */
export class SendWindow {
  #underWay = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  /** Resolves when the next answer may be sent, or the stream is over. One sender waits at a time. */
  async room(): Promise<void> {
    while (this.#underWay >= streamWindow && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  sent(payload: Uint8Array): void {
    this.#underWay += costOf(payload);
  }

  taken(cost: number): void {
    this.#underWay = Math.max(0, this.#underWay - cost);
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }
}

export interface AnswerEvents {
  /** Answers of this cost were taken: tell the sender. Called for a quarter of the window at a time. */
  taken(cost: number): void;
  /** The reader left before the end. */
  left(): void;
}

/** The receiving end of a stream of answers. It is read once, by one reader. */
export class AnswerStream implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #events: AnswerEvents;
  #queue: Uint8Array[] = [];
  #head = 0;
  #queued = 0;
  #taken = 0;
  #ended = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** False, and the answer is dropped, when the sender goes on though the window is full. */
  push(payload: Uint8Array): boolean {
    if (this.#ended) return true;
    if (this.#queued >= streamWindow) return false;
    this.#queue.push(payload);
    this.#queued += costOf(payload);
    this.#wake?.();
    return true;
  }

  /** After what was pushed, the iteration ends; with an error it throws that. Only the first end counts. */
  end(failure?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#head === this.#queue.length) {
      if (this.#ended) return this.#over();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    const value = this.#queue[this.#head] as Uint8Array;
    this.#head += 1;
    // A reader that is always behind never empties it: what was taken must go all the same.
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#queued -= costOf(value);
    this.#taken += costOf(value);
    if (this.#taken >= streamWindow / 4) {
      if (!this.#ended) this.#events.taken(this.#taken);
      this.#taken = 0;
    }
    return { done: false, value };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#queue = [];
    this.#head = 0;
    this.#queued = 0;
    if (!this.#ended) {
      this.#ended = true;
      this.#events.left();
    }
    this.#wake?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #over(): IteratorResult<Uint8Array, undefined> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }
}
