import { type CounterInfo, PeerdError, type RouteInfo } from '@peerd/protocol';
import type { Quota } from '../channel/quota.ts';
import { ROUTES_SERVICE } from '../internal-services.ts';
import type { InternalInbound } from '../request/messages.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { decodeExchange, encodeExchange, RoutingCodecError } from './codec.ts';
import { wayOf } from './detour.ts';
import { defaultTableLimits } from './limits.ts';
import type { Advert, Exchange, RoutingInput, RoutingOutput, Way, Ways } from './messages.ts';
import { RoutingTable } from './table.ts';

/** How long a neighbour has to answer: less than it may be silent, or its routes would go before the next attempt. */
const ANSWER_MS = 4_000;

/** How this node speaks for itself, and checks what others say. */
export interface RoutingSelf {
  readonly id: string;
  /** Signs what we say of ourselves; `firstSequence` is above all of earlier runs. */
  advertise(sequence: number): Advert;
  /** Whether the origin has signed it. */
  isGenuine(advert: Advert): boolean;
  readonly firstSequence: number;
}

/** Who can be reached through whom: what the table says, told to neighbours and learned from them. */
export class RoutingState implements Feature<RoutingInput>, Ways {
  readonly strategy = 'table';
  readonly handlers: Handlers<RoutingInput>;
  readonly #context: Context<RoutingOutput>;
  readonly #self: RoutingSelf;
  readonly #makeRef: () => number;
  readonly #table: RoutingTable;
  /** Whom each of our requests has gone to. */
  readonly #asked = new Map<number, string>();
  /** Adverts that their origin has not signed. */
  #forged = 0;

  /** `forwards`: whether neighbours may send here what is for others. */
  constructor(
    context: Context<RoutingOutput>,
    self: RoutingSelf,
    makeRef: () => number,
    forwards: boolean = true,
  ) {
    this.#context = context;
    this.#self = self;
    this.#makeRef = makeRef;
    const world = {
      id: self.id,
      get nowMs() {
        return context.nowMs;
      },
      push: (to: string, exchange: Exchange) => this.#push(to, exchange),
      forwards,
      found: (peer: string, name: string) => context.emit({ type: 'route/found', peer, name }),
      lost: (peer: string) => context.emit({ type: 'route/lost', peer, name: this.#nameOf(peer) }),
    };
    this.#table = new RoutingTable(
      world,
      (sequence) => self.advertise(sequence),
      self.firstSequence,
      defaultTableLimits,
      context,
    );
    this.handlers = {
      'peer/came': ({ peer, kind }) => {
        if (kind === 'peerd') this.#table.linked(peer);
      },
      'peer/went': ({ peer }) => this.#table.unlinked(peer),
      'request/internal-inbound': (request) => {
        if (request.service === ROUTES_SERVICE) this.#answer(request);
      },
      'request/internal-settled': ({ ref, outcome }) => {
        const peer = this.#asked.get(ref);
        this.#asked.delete(ref);
        if (peer === undefined || outcome instanceof PeerdError) return;
        const exchange = this.#read(outcome);
        if (exchange !== undefined) this.#table.take(peer, exchange);
      },
      routes: ({ responder }) => context.emit({ type: 'settle', responder, value: this.#list() }),
      tick: () => this.#table.tick(),
    };
  }

  get nextTickMs(): number {
    return this.#table.nextTickMs;
  }

  get quotas(): readonly Quota[] {
    return this.#table.quotas;
  }

  get counters(): readonly CounterInfo[] {
    return [
      { name: 'forged adverts', count: this.#forged },
      { name: 'malformed routes', count: this.#table.malformed },
    ];
  }

  next(destination: string): string | undefined {
    return this.#table.next(destination);
  }

  way(destination: string, attempt: number): Way | undefined {
    return wayOf(this.#table, destination, attempt);
  }

  advertOf(peer: string): Advert | undefined {
    return this.#table.advertOf(peer);
  }

  snapshot(): unknown {
    return {
      routes: this.#table.routes(),
      forged: this.#forged,
      malformed: this.#table.malformed,
      asked: [...this.#asked],
    };
  }

  #list(): RouteInfo[] {
    return this.#table
      .routes()
      .sort((a, b) => a.distance - b.distance || (a.destination < b.destination ? -1 : 1))
      .map(({ destination, next, distance, ageMs }) => ({
        peer: destination,
        name: this.#nameOf(destination),
        next,
        nextName: this.#nameOf(next),
        distance,
        rule: 'table',
        ageMs: Math.round(ageMs),
      }));
  }

  #nameOf(peer: string): string {
    return this.#table.advertOf(peer)?.name ?? '';
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
    const exchange = this.#read(payload);
    if (exchange === undefined)
      return this.#context.emit({
        type: 'request/refuse',
        key,
        code: 'invalid',
        reason: 'these are no routes',
      });
    this.#table.take(peer, exchange);
    const answer = this.#table.exchangeFor(peer);
    if (answer === undefined)
      return this.#context.emit({ type: 'request/refuse', key, code: 'refused', reason: 'no neighbour' });
    this.#context.emit({ type: 'request/answer', key, payload: encodeExchange(answer), end: true });
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
      if (error instanceof RoutingCodecError) return undefined;
      throw error;
    }
  }

  /** It was checked before: by the same signature. */
  #isKnown({ origin, sequence, signature }: Advert): boolean {
    const known = this.#table.advertOf(origin);
    return (
      known !== undefined && known.sequence === sequence && Buffer.compare(known.signature, signature) === 0
    );
  }
}
