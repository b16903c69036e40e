/** Bytes kept for frames that have come in part, over all the connections that share it. */
export class FrameQuota {
  readonly limit: number;
  #bytes = 0;
  #refused = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How often there was no room. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether there was room; if so it is taken. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.limit) {
      this.#refused += 1;
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
