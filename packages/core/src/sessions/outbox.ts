import { Ring } from '@peerd/protocol/queues';

/** Bytes under way to begin with, in a way that nothing is known of: a small request and its answer never wait. */
const FIRST_WINDOW_BYTES = 128 * 1024;

/** And at least, however much gets lost: two packets, or losses could not be told from silence. */
const MIN_WINDOW_BYTES = 64 * 1024;

/** And at most: what the calls on it may have under way, both directions of them. */
const MAX_WINDOW_BYTES = 2 * 1024 * 1024;

/** What the window grows by for a full round without a loss, once one has been seen. */
const GROWTH_BYTES = 32 * 1024;

/** Before a round trip has been measured, ms. */
const FIRST_TIMEOUT_MS = 500;

/** An acknowledgement may wait 20 ms for a packet to go with, and a loop that is busy takes its time. */
const MIN_TIMEOUT_MS = 200;

/** Timeouts double up to here: another way is tried with each, and one that works should be found soon. */
const MAX_TIMEOUT_MS = 2_000;

/** Later packets that have arrived before one is taken for lost: so many may overtake it, when the way changes. */
const REORDERING = 3;

/** A packet of ours that the other end has not acknowledged. */
export interface Sent {
  readonly counter: number;
  readonly body: readonly Uint8Array[];
  readonly bytes: number;
  /** The way it takes is to be recorded. */
  readonly record: boolean;
  sentMs: number;
  state: 'flying' | 'lost' | 'arrived';
  isResent: boolean;
}

interface Waiting {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly record: boolean;
}

/** What all sessions keep together. */
export interface Held {
  bytes: number;
}

/** Counters from the first up to but without the second. */
export type Range = readonly [number, number];

/** What one end has sent and the other has not acknowledged: sent again when it got lost. */
export class Outbox {
  readonly #seal: (counter: number, parts: readonly Uint8Array[]) => readonly Uint8Array[];
  readonly #held: Held;
  readonly #waiting = new Ring<Waiting>(2);
  readonly #unacked = new Map<number, Sent>();
  readonly #lost = new Ring<Sent>(2);
  #next = 0;
  /** All before it have been acknowledged. */
  #lowest = 0;
  #waitingBytes = 0;
  #unackedBytes = 0;
  #flyingBytes = 0;
  #windowBytes = FIRST_WINDOW_BYTES;
  #thresholdBytes = MAX_WINDOW_BYTES;
  #roundTripMs = 0;
  #variationMs = 0;
  #timeoutMs = FIRST_TIMEOUT_MS;
  /** Since when nothing has been acknowledged that is under way. */
  #sinceMs = 0;

  /** `seal`: makes the body of a packet, which may be sent more than once. */
  constructor(seal: (counter: number, parts: readonly Uint8Array[]) => readonly Uint8Array[], held: Held) {
    this.#seal = seal;
    this.#held = held;
  }

  /** Bytes that are kept here. */
  get bytes(): number {
    return this.#waitingBytes + this.#unackedBytes;
  }

  get isEmpty(): boolean {
    return this.#unacked.size === 0 && this.#waiting.size === 0;
  }

  /** When what is under way has to be given up on; `Infinity` when nothing is. */
  get timeoutAtMs(): number {
    return this.#flyingBytes === 0 ? Number.POSITIVE_INFINITY : this.#sinceMs + this.#timeoutMs;
  }

  /** What the other end waits for, as far as is known. */
  get oldest(): readonly Uint8Array[] | undefined {
    return this.#unacked.get(this.#lowest)?.body;
  }

  push(parts: readonly Uint8Array[], bytes: number, record: boolean): void {
    this.#waiting.push({ parts, bytes, record });
    this.#waitingBytes += bytes;
    this.#held.bytes += bytes;
  }

  /** What may go now, the lost ones first. */
  collect(nowMs: number, send: (sent: Sent) => void): void {
    while (this.#flyingBytes < this.#windowBytes) {
      const sent = this.#nextLost() ?? this.#nextWaiting();
      if (sent === undefined) return;
      if (this.#flyingBytes === 0) this.#sinceMs = nowMs;
      sent.state = 'flying';
      sent.sentMs = nowMs;
      this.#flyingBytes += sent.bytes;
      send(sent);
    }
  }

  /** All before `upTo` have arrived, and those of `ranges`. Returns whether that is news. */
  acked(upTo: number, ranges: readonly Range[], nowMs: number): boolean {
    if (upTo > this.#next) return false;
    const before = this.#unackedBytes;
    for (; this.#lowest < upTo; this.#lowest += 1) this.#arrived(this.#lowest, nowMs, true);
    let last = 0;
    for (const [from, to] of ranges) {
      last = Math.max(last, Math.min(to, this.#next));
      for (let counter = Math.max(from, this.#lowest); counter < to && counter < this.#next; counter += 1)
        this.#arrived(counter, nowMs, false);
    }
    const taken = before - this.#unackedBytes;
    if (taken > 0) {
      this.#sinceMs = nowMs;
      this.#timeoutMs = this.#estimate();
      this.#grow(taken);
    }
    if (last > 0) this.#takeForLost(last - REORDERING, nowMs);
    return taken > 0;
  }

  /** Nothing was acknowledged in time: all that is under way is taken for lost. */
  timedOut(nowMs: number): void {
    this.#thresholdBytes = Math.max(this.#flyingBytes / 2, MIN_WINDOW_BYTES);
    this.#windowBytes = MIN_WINDOW_BYTES;
    this.#timeoutMs = Math.min(this.#timeoutMs * 2, MAX_TIMEOUT_MS);
    this.#sinceMs = nowMs;
    for (const sent of this.#unacked.values()) this.#lose(sent);
  }

  /** The session is over. */
  letGo(): void {
    this.#held.bytes -= this.bytes;
    this.#waitingBytes = 0;
    this.#unackedBytes = 0;
    this.#unacked.clear();
  }

  snapshot(): unknown {
    return {
      next: this.#next,
      lowest: this.#lowest,
      unacked: [...this.#unacked.values()].map(({ counter, state }) => [counter, state]),
      bytes: [this.#waitingBytes, this.#unackedBytes, this.#flyingBytes, this.#windowBytes],
    };
  }

  #nextLost(): Sent | undefined {
    for (let sent = this.#lost.shift(); sent !== undefined; sent = this.#lost.shift())
      if (sent.state === 'lost') {
        sent.isResent = true;
        return sent;
      }
    return undefined;
  }

  #nextWaiting(): Sent | undefined {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return undefined;
    const { parts, bytes, record } = waiting;
    const counter = this.#next;
    this.#next += 1;
    const body = this.#seal(counter, parts);
    const sent: Sent = { counter, body, bytes, record, sentMs: 0, state: 'flying', isResent: false };
    this.#unacked.set(counter, sent);
    this.#waitingBytes -= bytes;
    this.#unackedBytes += bytes;
    return sent;
  }

  #arrived(counter: number, nowMs: number, isInOrder: boolean): void {
    const sent = this.#unacked.get(counter);
    if (sent === undefined) return;
    this.#unacked.delete(counter);
    this.#unackedBytes -= sent.bytes;
    this.#held.bytes -= sent.bytes;
    if (sent.state === 'flying') this.#flyingBytes -= sent.bytes;
    sent.state = 'arrived';
    // Of one that was sent twice nobody knows which of them it was (Karn); one that waited for others tells of them.
    if (isInOrder && !sent.isResent) this.#measured(nowMs - sent.sentMs);
  }

  /** RFC 6298, 2. */
  #measured(roundTripMs: number): void {
    if (this.#roundTripMs === 0) {
      this.#roundTripMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
      return;
    }
    this.#variationMs += (Math.abs(this.#roundTripMs - roundTripMs) - this.#variationMs) / 4;
    this.#roundTripMs += (roundTripMs - this.#roundTripMs) / 8;
  }

  #estimate(): number {
    if (this.#roundTripMs === 0) return FIRST_TIMEOUT_MS;
    const timeoutMs = this.#roundTripMs + 4 * this.#variationMs;
    return Math.min(Math.max(timeoutMs, MIN_TIMEOUT_MS), MAX_TIMEOUT_MS);
  }

  /** RFC 5681, 3.1: by what has arrived, and once something got lost by a little for each round. */
  #grow(bytes: number): void {
    const isEarly = this.#windowBytes < this.#thresholdBytes;
    const growth = isEarly ? bytes : (GROWTH_BYTES * bytes) / this.#windowBytes;
    this.#windowBytes = Math.min(this.#windowBytes + growth, MAX_WINDOW_BYTES);
  }

  /** Those before `counter` that were not sent again since, while later ones arrived. */
  #takeForLost(counter: number, nowMs: number): void {
    let hasLost = false;
    for (const sent of this.#unacked.values()) {
      if (sent.counter >= counter) break;
      if (sent.state !== 'flying' || (sent.isResent && nowMs - sent.sentMs < this.#timeoutMs)) continue;
      this.#lose(sent);
      hasLost = true;
    }
    if (!hasLost) return;
    this.#thresholdBytes = Math.max(this.#windowBytes / 2, MIN_WINDOW_BYTES);
    this.#windowBytes = this.#thresholdBytes;
  }

  #lose(sent: Sent): void {
    if (sent.state !== 'flying') return;
    sent.state = 'lost';
    this.#flyingBytes -= sent.bytes;
    this.#lost.push(sent);
  }
}
