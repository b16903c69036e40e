import type { Target } from './target.ts';

/** Somebody who wants a connection. */
export interface Waiter {
  readonly ref: number;
  readonly target: Target;
  /** A way over other peers will do too. */
  readonly overRoutes: boolean;
}

/** Who waits for which peer or dial. */
export class Waiters {
  readonly #waiting = new Map<string, Map<number, Waiter>>();
  readonly #waitsFor = new Map<number, string>();

  /** `key`: what the outcome will be told for, a peer's id or a dial's address. */
  add(key: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(key) ?? new Map<number, Waiter>();
    this.#waiting.set(key, waiters.set(waiter.ref, waiter));
    this.#waitsFor.set(waiter.ref, key);
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  of(key: string): Iterable<Waiter> {
    return this.#waiting.get(key)?.values() ?? [];
  }

  take(key: string): Waiter[] {
    const waiters = [...(this.#waiting.get(key)?.values() ?? [])];
    this.#waiting.delete(key);
    for (const { ref } of waiters) this.#waitsFor.delete(ref);
    return waiters;
  }

  /** One that waits no more; `undefined` if it did not. */
  remove(ref: number): Waiter | undefined {
    const key = this.#waitsFor.get(ref);
    if (key === undefined) return undefined;
    this.#waitsFor.delete(ref);
    const waiters = this.#waiting.get(key);
    const waiter = waiters?.get(ref);
    waiters?.delete(ref);
    if (waiters?.size === 0) this.#waiting.delete(key);
    return waiter;
  }

  snapshot(): unknown {
    return [...this.#waiting].map(([key, waiters]) => [key, [...waiters.keys()]]);
  }
}
