import { Quota } from '../channel/quota.ts';

/** Dials at a time: as many as libp2p keeps waiting for one of its hundred turns. */
const MAX_DIALS = 500;

/** The dials under way, by what their outcomes are told for: a peer's id, or an address. */
export class Dials {
  readonly #keys = new Set<string>();
  readonly quota: Quota = new Quota(
    'dials',
    'items',
    () => MAX_DIALS,
    () => this.size,
  );

  get size(): number {
    return this.#keys.size;
  }

  get isFull(): boolean {
    return this.size >= MAX_DIALS;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string): void {
    this.#keys.add(key);
  }

  delete(key: string): void {
    this.#keys.delete(key);
  }

  snapshot(): unknown {
    return [...this.#keys];
  }
}
