import { Budget } from './budget.ts';

/** A budget for each key. */
export class Budgets {
  readonly #most: number;
  readonly #perSecond: number;
  readonly #maxKeys: number;
  /** Of keys that have spent something lately. */
  readonly #budgets = new Map<string, Budget>();

  /** `maxKeys`: of so many at a time it is known what they have spent; others get nothing. */
  constructor(most: number, perSecond: number, maxKeys: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#maxKeys = maxKeys;
  }

  /** False: the key has had as much as it may. */
  spend(key: string, nowMs: number, amount = 1): boolean {
    let budget = this.#budgets.get(key);
    if (budget === undefined) {
      if (this.#budgets.size >= this.#maxKeys && !this.#forget(nowMs)) return false;
      budget = new Budget(this.#most, this.#perSecond, nowMs);
      this.#budgets.set(key, budget);
    }
    return budget.spend(amount, nowMs);
  }

  /** What the key has spent, and not got back. */
  spentBy(key: string, nowMs: number): number {
    return this.#budgets.get(key)?.spentAt(nowMs) ?? 0;
  }

  /** What the key has spent that has spent most. */
  mostSpentAt(nowMs: number): number {
    let most = 0;
    for (const budget of this.#budgets.values()) most = Math.max(most, budget.spentAt(nowMs));
    return most;
  }

  snapshot(nowMs: number): unknown {
    return [...this.#budgets].map(([key, budget]) => [key, budget.spentAt(nowMs)]);
  }

  /** Those that are as if they had never spent anything. */
  #forget(nowMs: number): boolean {
    for (const [key, budget] of this.#budgets) if (budget.spentAt(nowMs) === 0) this.#budgets.delete(key);
    return this.#budgets.size < this.#maxKeys;
  }
}
