import type { TraceHop, TraceResult } from '@peerd/protocol';
import type { Deadline } from '../channel/deadlines.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import type { TraceCommand } from './messages.ts';

/** A probe that has had no answer for so long, in ms, is taken for lost. */
const LOST_MS = 1_000;

/** How many probes more go out at a time where it is not known how far the peer is. */
const STEP_HOPS = 4;

/** What is lost twice is hardly lost by chance: nobody answers there. */
const MAX_ATTEMPTS = 2;

/** Who is so many links away. */
interface Place {
  readonly hops: number;
  attempts: number;
  sentMs: number;
  answer: { readonly peer: string; readonly rttMs: number } | undefined;
}

/** One trace on its way: a probe for each number of links. */
export class Trace {
  readonly command: Extract<TraceCommand, { type: 'trace' }>;
  deadline: Deadline<Trace> | undefined;
  /** When probes may be due that nobody has answered. */
  review: Deadline<Trace> | undefined;
  peer: string | undefined;
  name: string | undefined;
  /** Nonces of its probes, as text. */
  readonly nonces: string[] = [];
  readonly #places: Place[] = [];
  /** Links to the peer, as it has answered. */
  #distance: number | undefined;

  constructor(command: Extract<TraceCommand, { type: 'trace' }>) {
    this.command = command;
  }

  /** How many links the probes may take that go out now: those that were lost, or further ones when none is awaited. */
  due(distance: number | undefined, nowMs: number): number[] {
    const lost = this.#missing.filter(
      ({ attempts, sentMs }) => attempts < MAX_ATTEMPTS && nowMs - sentMs >= LOST_MS,
    );
    for (const place of lost) {
      place.attempts += 1;
      place.sentMs = nowMs;
    }
    if (lost.length === 0 && !this.hasArrived && this.awaitedMs(nowMs) === Number.POSITIVE_INFINITY)
      return this.#further(distance, nowMs);
    return lost.map(({ hops }) => hops);
  }

  /** A probe that could take so many links has come to a peer. */
  answered(hops: number, rttMs: number, peer: string): void {
    const place = this.#places[hops - 1] as Place;
    place.answer ??= { peer, rttMs };
    if (peer === this.peer) this.#distance = Math.min(this.#distance ?? hops, hops);
  }

  /** The peer itself has answered. */
  get hasArrived(): boolean {
    return this.#distance !== undefined;
  }

  /** When the next answer that may still come is late; `Infinity`: no more come. */
  awaitedMs(nowMs: number): number {
    let awaitedMs = Number.POSITIVE_INFINITY;
    for (const { attempts, sentMs } of this.#missing)
      if (attempts < MAX_ATTEMPTS || nowMs - sentMs < LOST_MS)
        awaitedMs = Math.min(awaitedMs, sentMs + LOST_MS);
    return awaitedMs;
  }

  /** The furthest place that was heard of. */
  get furthest(): Required<Pick<TraceHop, 'hop' | 'peer'>> | undefined {
    const place = this.#places.findLast(({ answer }) => answer !== undefined);
    return place?.answer && { hop: place.hops, peer: place.answer.peer };
  }

  result(nameOf: (peer: string) => string | undefined): TraceResult {
    const peer = this.peer as string;
    const hops = this.#places.slice(0, this.#distance).map(({ hops: hop, answer }): TraceHop => {
      if (answer === undefined) return { hop };
      const name = nameOf(answer.peer);
      return { hop, peer: answer.peer, ...(name === undefined ? {} : { name }), rttMs: answer.rttMs };
    });
    const name = this.name ?? nameOf(peer);
    return { peer, ...(name === undefined ? {} : { name }), hops };
  }

  snapshot(): unknown {
    return {
      ref: this.command.ref,
      peer: this.peer,
      distance: this.#distance,
      places: this.#places.map((place) => ({ ...place })),
    };
  }

  /** Places on the way that were not heard of. */
  get #missing(): Place[] {
    const places = this.#places.slice(0, this.#distance);
    return places.filter(({ answer }) => answer === undefined);
  }

  /** At first as far as the peer is known to be. */
  #further(distance: number | undefined, nowMs: number): number[] {
    const from = this.#places.length;
    const to = Math.min(HOP_LIMIT, from === 0 && distance !== undefined ? distance : from + STEP_HOPS);
    for (let hops = from + 1; hops <= to; hops += 1)
      this.#places.push({ hops, attempts: 1, sentMs: nowMs, answer: undefined });
    return this.#places.slice(from).map(({ hops }) => hops);
  }
}
