import type { Destination } from './destination.ts';

interface Change {
  readonly destination: Destination;
  readonly version: number;
}

/** What changed in a table, in order: each change is a version of it. */
export class Changes {
  /** Those that changed again stand there more than once. */
  #changes: Change[] = [];
  /** How many of them stand for the last change of their destination. */
  #latest = 0;
  version = 0;

  /** Returns the version. */
  add(destination: Destination): number {
    this.version += 1;
    if (destination.changedAt === 0) this.#latest += 1;
    destination.changedAt = this.version;
    this.#changes.push({ destination, version: this.version });
    if (this.#changes.length > 2 * this.#latest + 64) this.#sweep();
    return this.version;
  }

  /** What changed after a version, each destination once, `most` of them; and the version that they make it. */
  after(version: number, most: number): { destinations: Destination[]; version: number } {
    const destinations: Destination[] = [];
    let upTo = version;
    for (let i = this.#firstAfter(version); i < this.#changes.length && destinations.length < most; i += 1) {
      const change = this.#changes[i] as Change;
      upTo = change.version;
      if (change.destination.changedAt === upTo) destinations.push(change.destination);
    }
    return { destinations, version: upTo };
  }

  /** The place of the first change after a version. */
  #firstAfter(version: number): number {
    let from = 0;
    let to = this.#changes.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#changes[middle] as Change).version > version) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #sweep(): void {
    this.#changes = this.#changes.filter(({ destination, version }) => destination.changedAt === version);
    this.#latest = this.#changes.length;
  }
}
