import { type CounterInfo, PeerdError, type RouteInfo } from '@peerd/protocol';
import type { Quota } from '../channel/quota.ts';
import type { RoutingSettings } from '../config.ts';
import { ROUTES_SERVICE } from '../internal-services.ts';
import type { InternalInbound } from '../request/messages.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { isSameAdvert } from './advert.ts';
import { decodeExchange, encodeExchange, RoutingCodecError } from './codec.ts';
import { defaultRoutingLimits, type RoutingLimits } from './limits.ts';
import { LinkStateTable } from './link-state.ts';
import type { Advert, Exchange, Links, RoutingInput, RoutingOutput, Way, Ways } from './messages.ts';
import type { RoutingWorld, Strategy } from './strategy.ts';
import { RoutingTable } from './table.ts';

/** How long a neighbour has to answer: less than it may be silent, or its routes would go before the next attempt. */
const ANSWER_MS = 4_000;

/**
 * A neighbour has something to tell at most every 100 ms. So many exchanges at once, and one each so many ms after them, are
 * read: to check the signatures in one takes some 10 ms.
 */
const MAX_AT_ONCE = 10;
const READ_MS = 80;

/** How this node speaks for itself, and checks what others say. */
export interface RoutingSelf {
  readonly id: string;
  /** Signs what we say of ourselves; `firstSequence` is above all of earlier runs. */
  advertise(sequence: number, links?: Links): Advert;
  /** Whether the origin has signed it. */
  isGenuine(advert: Advert): boolean;
  readonly firstSequence: number;
}

export function strategyOf(name: Ways['strategy'], world: RoutingWorld, limits: RoutingLimits): Strategy {
  return name === 'table' ? new RoutingTable(world, limits) : new LinkStateTable(world, limits);
}

/** Who can be reached through whom: what the strategy makes of what neighbours tell, and has them told. */
export class RoutingState implements Feature<RoutingInput>, Ways {
  readonly handlers: Handlers<RoutingInput>;
  readonly #context: Context<RoutingOutput>;
  readonly #self: RoutingSelf;
  readonly #makeRef: () => number;
  readonly #strategy: Strategy;
  /** What is added to the loop's time to get ms since 1970. */
  #dateOffsetMs: number;
  /** Whom each of our requests has gone to. */
  readonly #asked = new Map<number, string>();
  /** When all that each neighbour has sent would have come, had it come in time. */
  readonly #readMs = new Map<string, number>();
  #tooSoon = 0;
  /** Adverts that their origin has not signed. */
  #forged = 0;
  /** What is no exchange at all. */
  #malformed = 0;

  constructor(
    context: Context<RoutingOutput>,
    self: RoutingSelf,
    { strategy, forward }: Pick<RoutingSettings, 'strategy' | 'forward'>,
    makeRef: () => number,
  ) {
    this.#context = context;
    this.#self = self;
    this.#makeRef = makeRef;
    // Our first number is the clock of when this run was made: good enough until the loop tells the date.
    this.#dateOffsetMs = self.firstSequence - context.nowMs;
    const dateMs = () => context.nowMs + this.#dateOffsetMs;
    const world: RoutingWorld = {
      id: self.id,
      get nowMs() {
        return context.nowMs;
      },
      get dateMs() {
        return dateMs();
      },
      firstSequence: self.firstSequence,
      forwards: forward !== 'nobody',
      advertise: (sequence, links) => self.advertise(sequence, links),
      random: () => context.random(),
      push: (to, exchange) => this.#push(to, exchange),
      emit: (output) => context.emit(output),
    };
    this.#strategy = strategyOf(strategy, world, defaultRoutingLimits);
    const { exchanges } = this.#strategy;
    this.handlers = {
      'peer/came': ({ peer, kind }) => {
        if (kind === 'peerd') exchanges.linked(peer);
      },
      'peer/went': ({ peer }) => {
        this.#readMs.delete(peer);
        exchanges.unlinked(peer);
      },
      'request/internal-inbound': (request) => {
        if (request.service === ROUTES_SERVICE) this.#answer(request);
      },
      'request/internal-settled': ({ ref, outcome }) => {
        const peer = this.#asked.get(ref);
        this.#asked.delete(ref);
        if (peer === undefined || outcome instanceof PeerdError || !exchanges.has(peer)) return;
        const exchange = this.#read(outcome);
        if (exchange !== undefined) exchanges.take(peer, exchange);
      },
      'loop/date': ({ offsetMs }) => {
        this.#dateOffsetMs = offsetMs;
      },
      routes: ({ responder }) => context.emit({ type: 'settle', responder, value: this.#list() }),
      tick: () => this.#strategy.tick(),
    };
  }

  get strategy(): Ways['strategy'] {
    return this.#strategy.strategy;
  }

  get nextTickMs(): number {
    return this.#strategy.nextTickMs;
  }

  get quotas(): readonly Quota[] {
    return this.#strategy.quotas;
  }

  get counters(): readonly CounterInfo[] {
    return [
      { name: 'forged adverts', count: this.#forged },
      { name: 'malformed exchanges of routes', count: this.#malformed },
      { name: 'exchanges of routes that came too soon', count: this.#tooSoon },
      ...this.#strategy.counters,
    ];
  }

  next(destination: string): string | undefined {
    return this.#strategy.next(destination);
  }

  distance(destination: string): number | undefined {
    return this.#strategy.distance(destination);
  }

  way(destination: string, attempt: number): Way | undefined {
    return this.#strategy.way(destination, attempt);
  }

  advertOf(peer: string): Advert | undefined {
    return this.#strategy.advertOf(peer);
  }

  snapshot(): unknown {
    return { routes: this.#strategy.routes(), counters: this.counters, asked: [...this.#asked] };
  }

  #list(): RouteInfo[] {
    return this.#strategy
      .routes()
      .sort((a, b) => a.distance - b.distance || (a.destination < b.destination ? -1 : 1))
      .map(({ destination, next, distance, ageMs }) => ({
        peer: destination,
        name: this.#nameOf(destination),
        next,
        nextName: this.#nameOf(next),
        distance,
        rule: this.strategy,
        ageMs: Math.round(ageMs),
      }));
  }

  #nameOf(peer: string): string {
    return this.#strategy.advertOf(peer)?.name ?? '';
  }

  #push(to: string, exchange: Exchange): void {
    const ref = this.#makeRef();
    this.#asked.set(ref, to);
    const payload = encodeExchange(exchange);
    this.#context.emit({
      type: 'request/internal',
      ref,
      peer: to,
      service: ROUTES_SERVICE,
      payload,
      timeoutMs: ANSWER_MS,
    });
  }

  #answer({ key, peer, payload }: InternalInbound): void {
    const { exchanges } = this.#strategy;
    const refuse = (code: 'invalid' | 'refused', reason: string) =>
      this.#context.emit({ type: 'request/refuse', key, code, reason });
    if (!exchanges.has(peer)) return refuse('refused', 'no neighbour');
    if (!this.#isInTime(peer)) return refuse('refused', 'routes are told too often');
    const exchange = this.#read(payload);
    if (exchange === undefined) return refuse('invalid', 'these are no routes');
    exchanges.take(peer, exchange);
    const answer = exchanges.exchangeFor(peer) as Exchange;
    this.#context.emit({ type: 'request/answer', key, payload: encodeExchange(answer), end: true });
  }

  #isInTime(peer: string): boolean {
    const { nowMs } = this.#context;
    const readMs = Math.max(nowMs, this.#readMs.get(peer) ?? 0) + READ_MS;
    if (readMs - nowMs > MAX_AT_ONCE * READ_MS) {
      this.#tooSoon += 1;
      return false;
    }
    this.#readMs.set(peer, readMs);
    return true;
  }

  /** With its adverts checked: of one that its origin has not signed nothing is known. */
  #read(payload: Uint8Array): Exchange | undefined {
    try {
      const exchange = decodeExchange(payload);
      const entries = exchange.entries.filter(({ advert }) => {
        const isFit = advert === undefined || this.#isKnown(advert) || this.#self.isGenuine(advert);
        if (!isFit) this.#forged += 1;
        return isFit;
      });
      return { ...exchange, entries };
    } catch (error) {
      if (!(error instanceof RoutingCodecError)) throw error;
      this.#malformed += 1;
      return undefined;
    }
  }

  /** It was checked before, or is older than what is known, and so counts for nothing. */
  #isKnown(advert: Advert): boolean {
    const known = this.#strategy.advertOf(advert.origin);
    return known !== undefined && (known.sequence > advert.sequence || isSameAdvert(known, advert));
  }
}
