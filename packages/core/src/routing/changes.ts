/** What can change in what is told to neighbours. */
export interface Changing {
  readonly origin: string;
  /** The version in which it changed last; 0: there is nothing to tell of it. */
  changedAt: number;
  /** And its advert, which who has been told of that version has. */
  advertAt: number;
}

interface Change<Item> {
  readonly item: Item;
  readonly version: number;
}

/** What changed, in order: each change is a version of all that there is to tell. */
export class Changes<Item extends Changing> {
  /** Those that changed again stand there more than once. */
  #changes: Change<Item>[] = [];
  /** How many of them count, as far as is known: those of the last change of an item, and of its advert. */
  #latest = 0;
  version = 0;

  add(item: Item, hasNewAdvert: boolean): void {
    this.version += 1;
    if (item.changedAt === 0) this.#latest += 1;
    item.changedAt = this.version;
    if (hasNewAdvert) item.advertAt = this.version;
    this.#changes.push({ item, version: this.version });
    if (this.#changes.length > 2 * this.#latest + 64) this.#sweep();
  }

  /** It is told to nobody any more. */
  remove(item: Item): void {
    if (item.changedAt === 0) return;
    item.changedAt = 0;
    item.advertAt = 0;
    this.#latest -= 1;
  }

  /** What changed after a version: an item where its advert did, and where it did last. */
  *after(version: number): Iterable<Change<Item>> {
    for (let i = this.#firstAfter(version); i < this.#changes.length; i += 1) {
      const change = this.#changes[i] as Change<Item>;
      if (counts(change)) yield change;
    }
  }

  /** The place of the first change after a version. */
  #firstAfter(version: number): number {
    let from = 0;
    let to = this.#changes.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#changes[middle] as Change<Item>).version > version) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #sweep(): void {
    this.#changes = this.#changes.filter(counts);
    this.#latest = this.#changes.length;
  }
}

function counts({ item, version }: Change<Changing>): boolean {
  return item.changedAt === version || item.advertAt === version;
}
