/** What may be spent at once, and how fast it comes back: a token bucket. */
export class Budget {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  /** It begins full. */
  constructor(most: number, perSecond: number, nowMs: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#left = most;
    this.#atMs = nowMs;
  }

  /** How much of it is spent. */
  spentAt(nowMs: number): number {
    return this.#most - this.#leftAt(nowMs);
  }

  /** Spends so much, if there is that much. */
  spend(amount: number, nowMs: number): boolean {
    this.#left = this.#leftAt(nowMs);
    this.#atMs = nowMs;
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }

  #leftAt(nowMs: number): number {
    return Math.min(this.#most, this.#left + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
  }
}
