import { describe, expect, test } from 'vitest';
import { STREAM_GRANT_BYTES, STREAM_WINDOW_BYTES } from '../src/request/frames.ts';
import { Pace } from '../src/request/pace.ts';
import { seededRandom } from '../src/server/random.ts';

const CHUNK_BYTES = 16 * 1024;

/** A way of `bytesPerMs` and `delayMs` each way, and a sender that always has more of a large message. */
class Way {
  readonly pace = new Pace();
  nowMs = 0;
  readonly #delayMs: () => number;
  readonly #bytesPerMs: number;
  #freeAtMs = 0;
  #ungranted = 0;
  #underWay = 0;
  #sentBytes = 0;
  readonly #credits: { atMs: number; bytes: number }[] = [];

  constructor(bytesPerMs: number, delayMs: () => number) {
    this.#bytesPerMs = bytesPerMs;
    this.#delayMs = delayMs;
  }

  /** Bytes that were sent in `ms`. */
  run(ms: number): number {
    const before = this.#sentBytes;
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 0.1) {
      while ((this.#credits[0]?.atMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) {
        const { bytes } = this.#credits.shift() as { bytes: number };
        this.#underWay -= bytes;
        this.pace.taken(bytes, this.nowMs);
      }
      while (!this.pace.isFull && this.#underWay < STREAM_WINDOW_BYTES) this.#send();
    }
    return this.#sentBytes - before;
  }

  /** How long a small message would take to get there now. */
  get queueMs(): number {
    return Math.max(0, this.#freeAtMs - this.nowMs);
  }

  #send(): void {
    this.pace.sent(CHUNK_BYTES);
    this.pace.mark(this.nowMs);
    this.#underWay += CHUNK_BYTES;
    this.#sentBytes += CHUNK_BYTES;
    this.#freeAtMs = Math.max(this.nowMs, this.#freeAtMs) + CHUNK_BYTES / this.#bytesPerMs;
    this.#ungranted += CHUNK_BYTES;
    if (this.#ungranted < STREAM_GRANT_BYTES) return;
    const atMs = Math.max(this.#freeAtMs + 2 * this.#delayMs(), this.#credits.at(-1)?.atMs ?? 0);
    this.#credits.push({ atMs, bytes: this.#ungranted });
    this.#ungranted = 0;
  }
}

describe('large messages', () => {
  test('leave no more of a queue on a short way than a small message can wait behind', () => {
    const way = new Way(50_000, () => 0.1);
    way.run(1_000);
    const queued: number[] = [];
    for (let i = 0; i < 100; i += 1) {
      way.run(10);
      queued.push(way.queueMs);
    }
    expect(Math.max(...queued)).toBeLessThan(12);
    // And the way is never idle for want of something under way.
    expect(way.run(1_000)).toBeGreaterThan(0.95 * 50_000 * 1_000);
  });

  test('use the whole window on a long way', () => {
    const way = new Way(50_000, () => 50);
    way.run(5_000);
    expect(way.pace.limitBytes).toBe(STREAM_WINDOW_BYTES);
  });

  test('go on by what the other side takes before it says so, however uneven the way is', () => {
    const seed = Date.now() % 1e9;
    const random = seededRandom([seed, 0, 0, 0]);
    const way = new Way(10_000, () => random() * 40);
    way.run(5_000);
    expect(way.pace.limitBytes, `seed ${seed}`).toBeGreaterThanOrEqual(2 * STREAM_GRANT_BYTES);
    expect(way.run(1_000), `seed ${seed}`).toBeGreaterThan(0);
  });

  test('that come now and then do not take the time between them for a queue', () => {
    const pace = new Pace();
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1_000) {
      pace.sent(STREAM_GRANT_BYTES);
      pace.mark(nowMs);
      pace.sent(1_000);
      pace.idle();
      pace.taken(STREAM_GRANT_BYTES, nowMs + 1);
      pace.taken(1_000, nowMs + 999);
    }
    expect(pace.limitBytes).toBeGreaterThanOrEqual(STREAM_WINDOW_BYTES / 2);
  });
});
