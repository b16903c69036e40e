interface Bucket {
  tokens: number;
  atMs: number;
}

/** For each key: so many a second over time, and so many at once. */
export class TokenBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxKeys: number;
  /** Of keys that have taken something lately. */
  readonly #buckets = new Map<string, Bucket>();

  /** `maxKeys`: of this many at a time it is known what they have taken; others get nothing. */
  constructor(perSecond: number, burst: number, maxKeys: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#maxKeys = maxKeys;
  }

  /** False: the key has had as much as it may. */
  take(key: string, nowMs: number): boolean {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#maxKeys && !this.#forget(nowMs)) return false;
      bucket = { tokens: this.#burst, atMs: nowMs };
      this.#buckets.set(key, bucket);
    } else {
      bucket.tokens = this.#tokens(bucket, nowMs);
      bucket.atMs = nowMs;
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  snapshot(): unknown {
    return [...this.#buckets].map(([key, { tokens, atMs }]) => [key, tokens, atMs]);
  }

  /** Those that are as if they had never taken anything. */
  #forget(nowMs: number): boolean {
    for (const [key, bucket] of this.#buckets)
      if (this.#tokens(bucket, nowMs) === this.#burst) this.#buckets.delete(key);
    return this.#buckets.size < this.#maxKeys;
  }

  #tokens({ tokens, atMs }: Bucket, nowMs: number): number {
    return Math.min(this.#burst, tokens + (nowMs - atMs) * this.#perMs);
  }
}
