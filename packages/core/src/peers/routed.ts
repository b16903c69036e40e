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

/** The peers that others lead to, and how long a call waits for a connection to one of them. */
export class Routed {
  readonly #names = new Map<string, string>();
  readonly #undialableUntilMs = new Map<string, number>();
  readonly #headStarts = new Deadlines<Start>();

  has(peer: string): boolean {
    return this.#names.has(peer);
  }

  nameOf(peer: string): string | undefined {
    return this.#names.get(peer);
  }

  ids(): Iterable<string> {
    return this.#names.keys();
  }

  found(peer: string, name: string): void {
    this.#names.set(peer, name);
  }

  lost(peer: string): void {
    this.#names.delete(peer);
    this.#undialableUntilMs.delete(peer);
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
    return { names: [...this.#names], undialable: [...this.#undialableUntilMs] };
  }
}
