/** Enough for the groups in which calls come and go; a larger table is emptied less often. */
const PLACEHOLDERS = 64;

/**
 * A map by number for what comes and goes in groups. V8's Map gives its memory back as it is emptied and takes it
 * again as it is filled, which cost 1.4 us a call where a turn fills and empties it; placeholders keep it at a size.
 */
export class Table<V extends object> {
  readonly #map = new Map<number, V | undefined>();

  constructor() {
    // Numbers that no call has.
    for (let i = 1; i <= PLACEHOLDERS; i += 1) this.#map.set(-i - 0.5, undefined);
  }

  get size(): number {
    return this.#map.size - PLACEHOLDERS;
  }

  has(key: number): boolean {
    return this.#map.has(key);
  }

  get(key: number): V | undefined {
    return this.#map.get(key);
  }

  set(key: number, value: V): void {
    this.#map.set(key, value);
  }

  delete(key: number): boolean {
    return this.#map.delete(key);
  }

  /** As they are now: it may be changed while they are gone through. */
  values(): V[] {
    return [...this.#map.values()].filter((value) => value !== undefined);
  }
}
