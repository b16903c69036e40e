import type { CounterInfo } from '@peerd/protocol';
import type { Overload, Quota } from '../channel/quota.ts';
import type { RouteFound, RouteLost } from '../server/inputs.ts';
import type { Changing } from './changes.ts';
import type { Exchanges } from './exchanges.ts';
import type { Advert, Entry, Exchange, Links, Route, SequenceRequest, Ways } from './messages.ts';

/** What routing is given of the node that it runs in. */
export interface RoutingWorld {
  readonly id: string;
  readonly nowMs: number;
  /** ms since 1970. */
  readonly dateMs: number;
  /** Above all sequences of earlier runs. */
  readonly firstSequence: number;
  /** Whether neighbours may send here what is for others: if not, they are told of this node alone. */
  readonly forwards: boolean;
  /** Makes and signs our own advert, by source with our links. */
  advertise(sequence: number, links?: Links): Advert;
  /** In [0, 1). */
  random(): number;
  /** Tells a neighbour, whose answer is to be taken as what it tells by itself. */
  push(to: string, exchange: Exchange): void;
  emit(output: Overload | RouteFound | RouteLost): void;
}

/** How ways are found: what neighbours tell each other for it, and what is made of that. */
export interface Strategy extends Ways {
  /** What neighbours tell goes in here, and what they are to be told comes out. */
  readonly exchanges: Exchanges;
  readonly nextTickMs: number;
  tick(): void;
  /** Those that can be reached, oneself excepted. */
  routes(): Route[];
  readonly quotas: readonly Quota[];
  readonly counters: readonly CounterInfo[];
}

/** What the exchange asks a strategy for, and gives it. */
export interface Rows<Item extends Changing> {
  /** From now on ways may lead over the neighbour, or not any more. */
  up(neighbour: string): void;
  down(neighbour: string): void;
  take(neighbour: string, entry: Entry): void;
  /** All that it has told is void. */
  forget(neighbour: string): void;
  /** What it is told of something that has changed; `acked`: the version that it has. `undefined`: nothing. */
  entryFor(neighbour: string, item: Item, acked: number): Entry | undefined;
  /** It asks for a newer advert. */
  requested(neighbour: string, request: SequenceRequest): void;
}
