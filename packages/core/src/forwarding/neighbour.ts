import { Budget } from '../channel/budget.ts';

/**
 * What is forwarded for one neighbour in a second: what a link of 1 Gbit/s carries, so that no neighbour can take more of a
 * forwarder than that.
 */
const MAX_FORWARDED_BYTES_PER_SECOND: number = 128 * 1024 * 1024;

/** At once, after a pause: a quarter of a second's worth. */
export const MAX_FORWARDED_BURST_BYTES: number = 32 * 1024 * 1024;

/**
 * Pairs of ends that one neighbour hands over packets of: what can be seen here of the calls that it is the way for. Some
 * 250 bytes each. A source that has fewer of them takes the place of one that has most.
 */
export const MAX_PAIRS_PER_NEIGHBOUR = 4_096;

/** A pair that nothing was forwarded for so long, in ms, is forgotten. */
const SILENT_PAIR_MS = 60_000;

/** A source and a destination that packets are forwarded between. */
export interface Pair {
  readonly source: string;
  readonly destination: string;
  lastMs: number;
}

/** A peer that there is a connection to, and what is forwarded for it. */
export class Neighbour {
  /** It has said hello. */
  isPeerd: boolean;
  /** It passes on what is for others. */
  isForwarder: boolean;
  /** By source and destination as text. */
  readonly pairs: Map<string, Pair> = new Map();
  /** The keys of the same, by their source. */
  readonly #ofSource = new Map<string, Set<string>>();
  readonly bytes: Budget;

  constructor(isPeerd: boolean, isForwarder: boolean, nowMs: number) {
    this.isPeerd = isPeerd;
    this.isForwarder = isForwarder;
    this.bytes = new Budget(MAX_FORWARDED_BURST_BYTES, MAX_FORWARDED_BYTES_PER_SECOND, nowMs);
  }

  /** False: there is no room, and no source has more than that one. */
  admit(ends: string, pair: Pair): boolean {
    const keys = this.#ofSource.get(pair.source) ?? new Set();
    if (this.pairs.size >= MAX_PAIRS_PER_NEIGHBOUR && !this.#makeRoom(keys.size)) return false;
    this.pairs.set(ends, pair);
    this.#ofSource.set(pair.source, keys.add(ends));
    return true;
  }

  forgetSilent(nowMs: number): void {
    for (const [ends, { lastMs }] of this.pairs) if (nowMs - lastMs >= SILENT_PAIR_MS) this.#forget(ends);
  }

  #makeRoom(held: number): boolean {
    let most: Set<string> | undefined;
    for (const keys of this.#ofSource.values()) if (keys.size > (most?.size ?? held + 1)) most = keys;
    const [oldest] = most ?? [];
    if (oldest === undefined) return false;
    this.#forget(oldest);
    return true;
  }

  #forget(ends: string): void {
    const source = this.pairs.get(ends)?.source;
    this.pairs.delete(ends);
    if (source === undefined) return;
    const keys = this.#ofSource.get(source);
    keys?.delete(ends);
    if (keys?.size === 0) this.#ofSource.delete(source);
  }
}
