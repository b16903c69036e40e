import { Deadlines } from '../channel/deadlines.ts';

/**
 * A connection gets this start, in ms, before a call goes over other peers: long enough for a handshake over most of the
 * world, and not felt as a delay.
 */
const HEAD_START_MS = 250;

/** A peer that could not be dialled is not dialled again so long, in ms, while others lead to it. */
const UNDIALABLE_MS = 30_000;

interface Start {
  readonly ref: number;
  readonly peer: string;
}

/** Names that are remembered of peers that nobody leads to any more; the one lost longest ago makes room. */
const MAX_LOST_NAMES = 1_000;

/** The peers that others lead to, and how long a call waits for a connection to one of them. */
export class Routed {
  readonly #names = new Map<string, string>();
  /** Of those that they led to: who asks for one of them is told that there is no way, and not that nobody is called so. */
  readonly #lostNames = new Map<string, string>();
  readonly #undialableUntilMs = new Map<string, number>();
  readonly #headStarts = new Deadlines<Start>();

  has(peer: string): boolean {
    return this.#names.has(peer);
  }

  nameOf(peer: string): string | undefined {
    return this.#names.get(peer) ?? this.#lostNames.get(peer);
  }

  /** Also of those that nobody leads to any more. */
  ids(): Iterable<string> {
    return [...this.#names.keys(), ...this.#lostNames.keys()];
  }

  isLost(peer: string): boolean {
    return this.#lostNames.has(peer);
  }

  found(peer: string, name: string): void {
    this.#names.set(peer, name);
    this.#lostNames.delete(peer);
  }

  /** Returns the peer whose name is forgotten for that, if there is one. */
  lost(peer: string): string | undefined {
    const name = this.#names.get(peer);
    this.#names.delete(peer);
    this.#undialableUntilMs.delete(peer);
    if (name === undefined) return undefined;
    this.#lostNames.set(peer, name);
    if (this.#lostNames.size <= MAX_LOST_NAMES) return undefined;
    const [oldest] = this.#lostNames.keys();
    if (oldest !== undefined) this.#lostNames.delete(oldest);
    return oldest;
  }

  isUndialable(peer: string, nowMs: number): boolean {
    return (this.#undialableUntilMs.get(peer) ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  dialFailed(peer: string, nowMs: number): void {
    if (this.has(peer)) this.#undialableUntilMs.set(peer, nowMs + UNDIALABLE_MS);
  }

  dialled(peer: string): void {
    this.#undialableUntilMs.delete(peer);
  }

  /** `ref`: who waits. */
  giveStart(ref: number, peer: string, nowMs: number): void {
    this.#headStarts.add({ ref, peer }, nowMs + HEAD_START_MS);
  }

  get nextTickMs(): number {
    return this.#headStarts.nextMs;
  }

  expire(nowMs: number, met: (start: Start) => void): void {
    this.#headStarts.expire(nowMs, met);
  }

  snapshot(): unknown {
    return { names: [...this.#names], lost: [...this.#lostNames], undialable: [...this.#undialableUntilMs] };
  }
}
