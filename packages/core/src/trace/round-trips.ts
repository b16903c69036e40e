import { PeerdError } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import type { Ways } from '../routing/messages.ts';
import type { Context } from '../server/feature.ts';
import type { ProbeAsk, ProbeOutcome } from './messages.ts';
import type { Probes } from './probes.ts';

/** A probe goes out so long, in ms, after the one before, by another way where there is one: what is lost is not waited for. */
const PAUSE_MS = 1_000;

/** Probes of a round trip whose replies still count. With the pause: a reply may take 10 s. */
const MAX_AWAITED = 10;

/** A peer that no way leads to is given so long, in ms: routes change, and it may be found at random. */
const NO_WAY_MS = 3_000;

interface RoundTrip {
  readonly ref: number;
  readonly peer: string;
  /** Of its probes, oldest first. */
  readonly nonces: string[];
  attempt: number;
  due: Deadline<RoundTrip> | undefined;
  /** Since when no way has led there, and why. */
  lostMs: number | undefined;
  why: string;
}

/** Round trips to peers over others. Whoever asks for one bounds their number, and how long each may take. */
export class RoundTrips {
  readonly #context: Context<ProbeOutcome>;
  readonly #ways: Ways;
  readonly #probes: Probes;
  readonly #trips = new Map<number, RoundTrip>();
  readonly #due = new Deadlines<RoundTrip>();

  constructor(context: Context<ProbeOutcome>, ways: Ways, probes: Probes) {
    this.#context = context;
    this.#ways = ways;
    this.#probes = probes;
  }

  ask({ ref, peer }: Extract<ProbeAsk, { type: 'probe/ask' }>): void {
    const why = `nobody leads to ${peer}, and it was not found at random`;
    const trip: RoundTrip = { ref, peer, nonces: [], attempt: 0, due: undefined, lostMs: undefined, why };
    this.#trips.set(ref, trip);
    this.#probe(trip);
  }

  leave(ref: number): void {
    const trip = this.#trips.get(ref);
    if (trip !== undefined) this.#forget(trip);
  }

  /** A probe did not go out. */
  unsent(peer: string, reason: string): void {
    for (const trip of this.#trips.values()) if (trip.peer === peer) trip.why = reason;
  }

  get nextTickMs(): number {
    return this.#due.nextMs;
  }

  tick(): void {
    this.#due.expire(this.#context.nowMs, (trip) => this.#probe(trip));
  }

  snapshot(): unknown {
    return [...this.#trips.values()].map(({ ref, peer, nonces, attempt, lostMs }) => ({
      ref,
      peer,
      probes: nonces.length,
      attempt,
      lostMs,
    }));
  }

  #probe(trip: RoundTrip): void {
    const { nowMs } = this.#context;
    const { ref, peer, nonces, why } = trip;
    if (this.#ways.way(peer, 0) !== undefined) trip.lostMs = undefined;
    else trip.lostMs ??= nowMs;
    if (trip.lostMs !== undefined && nowMs - trip.lostMs >= NO_WAY_MS) {
      this.#forget(trip);
      this.#context.emit({ type: 'probe/unanswered', ref, error: new PeerdError('unreachable', why) });
      return;
    }
    if (nonces.length === MAX_AWAITED) this.#probes.forget(nonces.shift() as string);
    const answered = (from: string, rttMs: number) => {
      // Whoever had it when it could go no further replies too.
      if (from !== peer) return;
      this.#forget(trip);
      this.#context.emit({ type: 'probe/answered', ref, rttMs });
    };
    nonces.push(this.#probes.send(peer, HOP_LIMIT, trip.attempt, answered));
    trip.attempt += 1;
    trip.due = this.#due.add(trip, nowMs + PAUSE_MS);
  }

  #forget({ ref, nonces, due }: RoundTrip): void {
    this.#trips.delete(ref);
    this.#due.remove(due);
    for (const nonce of nonces) this.#probes.forget(nonce);
  }
}
