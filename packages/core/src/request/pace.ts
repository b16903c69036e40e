import { Ring } from '@peerd/protocol/queues';
import { STREAM_GRANT_BYTES, STREAM_WINDOW_BYTES } from './frames.ts';

/** Never less: twice what the other side takes before it says so, or nothing would go on. */
const MIN_UNDER_WAY_BYTES = 2 * STREAM_GRANT_BYTES;

/**
 * What large messages may add to the time a small one takes to get through: 1.5 ms, and on a long way a quarter of the time
 * that it takes by itself, since there the delay varies by more. Lower, and a machine that is busy with something else for
 * a moment slows large ones down; higher, and small ones wait that much longer behind them.
 */
const MIN_TARGET_DELAY_MS = 1.5;
const TARGET_DELAY_SHARE = 0.25;

/** A mark for every so many bytes that are sent: 64 of them at most in a whole window. */
const MARK_BYTES = STREAM_WINDOW_BYTES / 64;

/** The shortest time seen counts for this long, in ms: after that the way may have changed. */
const BASE_MS = 60_000;

/**
 * How much may be under way on a stream while large messages are sent, beside the other side's window: as much as the
 * way takes without a queue building up in it, since a small message waits in that queue. By the delay of the way there
 * and of the credit back, compared with the shortest that was seen, as in LEDBAT (RFC 6817): on a long way all of the
 * window is used, on a short one an eighth will do.
 */
export class Pace {
  #limitBytes = STREAM_WINDOW_BYTES / 2;
  #sentBytes = 0;
  #takenBytes = 0;
  readonly #marks = new Ring<{ readonly atBytes: number; readonly sentMs: number }>();
  #markedBytes = 0;
  #baseMs = Number.POSITIVE_INFINITY;
  #baseSinceMs = 0;
  /** No second step before what was sent after the first has been heard of. */
  #steppedAtBytes = 0;

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** No more of a large message should be sent now. */
  get isFull(): boolean {
    return this.#sentBytes - this.#takenBytes >= this.#limitBytes;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** A part of a large message was sent, and more waits. */
  mark(nowMs: number): void {
    if (this.#sentBytes - this.#markedBytes < MARK_BYTES) return;
    this.#markedBytes = this.#sentBytes;
    this.#marks.push({ atBytes: this.#sentBytes, sentMs: nowMs });
  }

  /** Nothing large waits: how long what was sent takes to be told of says nothing about the way any more. */
  idle(): void {
    while (this.#marks.shift() !== undefined);
    this.#markedBytes = this.#sentBytes;
  }

  /** The other side has taken so many bytes more. */
  taken(bytes: number, nowMs: number): void {
    this.#takenBytes += bytes;
    let sentMs: number | undefined;
    for (
      let mark = this.#marks.peek();
      mark !== undefined && mark.atBytes <= this.#takenBytes;
      mark = this.#marks.peek()
    ) {
      this.#marks.shift();
      sentMs = mark.sentMs;
    }
    if (sentMs !== undefined) this.#measured(nowMs - sentMs, nowMs);
  }

  #measured(delayMs: number, nowMs: number): void {
    if (delayMs <= this.#baseMs || nowMs - this.#baseSinceMs > BASE_MS) {
      this.#baseMs = delayMs;
      this.#baseSinceMs = nowMs;
    }
    if (this.#takenBytes < this.#steppedAtBytes) return;
    this.#steppedAtBytes = this.#sentBytes;
    const targetMs = Math.max(MIN_TARGET_DELAY_MS, this.#baseMs * TARGET_DELAY_SHARE);
    const isQueueing = delayMs - this.#baseMs > targetMs;
    const limitBytes = isQueueing ? this.#limitBytes * 0.75 : this.#limitBytes + STREAM_GRANT_BYTES;
    this.#limitBytes = Math.min(STREAM_WINDOW_BYTES, Math.max(MIN_UNDER_WAY_BYTES, limitBytes));
  }
}
