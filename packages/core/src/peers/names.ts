import { MIN_PREFIX_LENGTH } from './target.ts';

/** Which peers a word can mean: by the names they give themselves, or by the beginning of their id. */
export class Names {
  readonly #self: { readonly id: string; readonly name: string };
  readonly #nameOf = new Map<string, string>();
  readonly #bearers = new Map<string, Set<string>>();

  constructor(self: { readonly id: string; readonly name: string }) {
    this.#self = self;
  }

  /** `undefined`: it has none any more. Returns whether anything has changed. */
  set(peer: string, name: string | undefined): boolean {
    const before = this.#nameOf.get(peer);
    if (before === name) return false;
    if (before !== undefined) {
      const bearers = this.#bearers.get(before);
      bearers?.delete(peer);
      if (bearers?.size === 0) this.#bearers.delete(before);
    }
    if (name === undefined) this.#nameOf.delete(peer);
    else {
      this.#nameOf.set(peer, name);
      const bearers = this.#bearers.get(name) ?? new Set();
      this.#bearers.set(name, bearers.add(peer));
    }
    return true;
  }

  of(peer: string): string | undefined {
    return this.#nameOf.get(peer);
  }

  /** Those of that name, else those of `ids` that it is a prefix of. */
  find(word: string, ids: () => Iterable<string>): string[] {
    const bearers = this.#bearers.get(word) ?? [];
    if (word === this.#self.name) return [this.#self.id, ...bearers];
    const named = [...bearers];
    if (named.length > 0 || word.length < MIN_PREFIX_LENGTH) return named;
    const found = new Set<string>();
    for (const id of ids()) if (id.startsWith(word)) found.add(id);
    return [...found];
  }

  snapshot(): unknown {
    return [...this.#bearers].map(([name, peers]) => [name, [...peers]]);
  }
}
