/** How much each neighbour has of something that is bounded for all of them together. */
export class Shares {
  readonly #counts = new Map<string, number>();

  /** `undefined`: nobody's. */
  of(neighbour: string | undefined): number {
    return neighbour === undefined ? 0 : (this.#counts.get(neighbour) ?? 0);
  }

  add(neighbour: string | undefined, count: number): void {
    if (neighbour === undefined) return;
    const sum = this.of(neighbour) + count;
    if (sum > 0) this.#counts.set(neighbour, sum);
    else this.#counts.delete(neighbour);
  }
}
