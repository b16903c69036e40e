interface Weighed<Item> {
  readonly weight: number;
  /** Of two with one weight the one that was added first comes first. */
  readonly turn: number;
  readonly item: Item;
}

/** The lightest first, in a binary heap. */
export class Heap<Item> {
  readonly #entries: Weighed<Item>[] = [];
  #turn = 0;

  add(item: Item, weight: number): void {
    this.#turn += 1;
    const entry = { weight, turn: this.#turn, item };
    const entries = this.#entries;
    let i = entries.length;
    entries.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = entries[parent] as Weighed<Item>;
      if (isBefore(above, entry)) break;
      entries[i] = above;
      i = parent;
    }
    entries[i] = entry;
  }

  take(): { readonly item: Item; readonly weight: number } | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= entries.length) break;
      const other = entries[child + 1];
      if (other !== undefined && isBefore(other, entries[child] as Weighed<Item>)) child += 1;
      const below = entries[child] as Weighed<Item>;
      if (isBefore(last, below)) break;
      entries[i] = below;
      i = child;
    }
    entries[i] = last;
    return first;
  }
}

function isBefore(a: Weighed<unknown>, b: Weighed<unknown>): boolean {
  return a.weight < b.weight || (a.weight === b.weight && a.turn < b.turn);
}
