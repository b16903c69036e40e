/**
 * The longest pause before the first new attempt. A daemon that a service manager restarts is back within half a
 * second or so; a failed attempt on a local socket costs a tenth of a millisecond.
 */
const defaultFirstDelayMs = 50;

/**
 * The longest pause before any attempt. Raising it spares a machine without a daemon some wake-ups, and lets programs
 * wait that much longer for one that is back. The daemon counts missed messages for 15 times as long.
 */
const defaultMaxDelayMs = 2_000;

export interface BackoffOptions {
  /** The longest pause before the first attempt; it doubles with each. Default: 50 ms. */
  firstDelayMs?: number | undefined;
  /** Where doubling ends. Default: 2,000 ms. */
  maxDelayMs?: number | undefined;
}

/**
 * Exponential backoff with full jitter: a pause is anything from 0 to a bound that doubles, so that the clients of one
 * daemon come back spread out (Brooker, "Exponential Backoff And Jitter", 2015).
 */
export class Backoff {
  readonly maxDelayMs: number;
  readonly #firstDelayMs: number;
  readonly #random: () => number;
  #attempts = 0;

  /** `random` gives numbers from 0 up to and without 1. */
  constructor(random: () => number, { firstDelayMs, maxDelayMs }: BackoffOptions = {}) {
    this.#random = random;
    this.#firstDelayMs = firstDelayMs ?? defaultFirstDelayMs;
    this.maxDelayMs = maxDelayMs ?? defaultMaxDelayMs;
  }

  /** The pause before the next attempt. */
  next(): number {
    const bound = Math.min(this.maxDelayMs, this.#firstDelayMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return this.#random() * bound;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
