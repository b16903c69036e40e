import type { RouteInfo } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import type { PeersOutput } from '../peers/messages.ts';
import type {
  InternalAnswer,
  InternalInbound,
  InternalRequest,
  InternalSettled,
} from '../request/messages.ts';
import type { DateTold, RouteFound, RouteLost } from '../server/inputs.ts';
import type { Settle } from '../server/outputs.ts';

/** The distance of what can't be reached. */
export const UNREACHABLE: number = HOP_LIMIT + 1;

/** Rows of one exchange: to check the signatures of so many adverts takes the receiver some 10 ms. More follow at once. */
export const MAX_ENTRIES = 64;

/** Bytes of the rows of one exchange: with the requests they stay below what a message between features may have. */
export const MAX_EXCHANGE_BYTES: number = 40 * 1024;

/**
 * Neighbours that an advert names: more than libp2p keeps connections (300), so that none is left out, and few enough for an
 * advert to be a small part of an exchange.
 */
export const MAX_LINKS = 320;

/**
 * Highest sequence of an advert: they begin with the clock, in ms, which comes here in the year 10889. All that is reckoned
 * from it, a newer one to ask for, still is a number that can be sent.
 */
export const MAX_SEQUENCE: number = 2 ** 48;

/** Requests for newer adverts in one exchange. More follow at once. */
export const MAX_REQUESTS = 256;

/** Neighbours hear from each other at least this often. */
export const EXCHANGE_MS = 5_000;

/** What a peer says of itself to all of the network, and signs. */
export interface Advert {
  readonly origin: string;
  /** Of two adverts of one origin the one with the higher number is the newer. */
  readonly sequence: number;
  /** Its own word for its name. */
  readonly name: string;
  readonly encryptionKey: Uint8Array;
  readonly signature: Uint8Array;
  /** By source only. */
  readonly links?: Links;
}

/** Whom a peer has a connection to, as it says itself. */
export interface Links {
  readonly neighbours: readonly string[];
  /** Whether it passes on what is for others. */
  readonly forwards: boolean;
  /** When it said so: ms since 1970, by its clock. */
  readonly issuedMs: number;
}

/** A row of a neighbour's table. */
export interface Entry {
  readonly origin: string;
  /** Of the advert that the row goes back to. */
  readonly sequence: number;
  /** Links from the neighbour to the origin; from `UNREACHABLE` up: none. */
  readonly distance: number;
  /** The advert itself, where the receiver may not have it yet. */
  readonly advert: Advert | undefined;
  /** By source only: how old the advert is, as far as the sender knows. By table 0. */
  readonly ageMs: number;
}

/** Asks for a route that goes back to a newer advert: only the origin can make one. */
export interface SequenceRequest {
  readonly origin: string;
  readonly sequence: number;
  /** Links that it may still take. */
  readonly hops: number;
}

/** What neighbours tell each other, each way: what has changed since the other acknowledged last. */
export interface Exchange {
  /** Of the sender's run: versions of another one mean nothing. */
  readonly epoch: number;
  /** The rows are those that changed after version `base` of the sender's table, up to `version`. */
  readonly base: number;
  readonly version: number;
  /** The version of the receiver's table that the sender has. */
  readonly ack: number;
  readonly entries: readonly Entry[];
  readonly requests: readonly SequenceRequest[];
}

/** A row of the table that can be used. */
export interface Route {
  readonly destination: string;
  /** The neighbour that it begins with. */
  readonly next: string;
  readonly distance: number;
  readonly ageMs: number;
}

/** What the rest of the node may ask of routing. */
export interface Ways {
  readonly strategy: 'table' | 'source';
  /** The neighbour to send to. */
  next(destination: string): string | undefined;
  /** Links of the best way. */
  distance(destination: string): number | undefined;
  /**
   * The neighbour to send to, and the peers to pass, in order, before the destination. Attempt 0: the best way; higher:
   * another than those of the attempts before, as far as there is one, for when no answer came. The same every time as
   * long as the routes are the same.
   */
  way(destination: string, attempt: number): Way | undefined;
  advertOf(peer: string): Advert | undefined;
}

export interface Way {
  readonly next: string;
  readonly via: readonly string[];
}

export type RoutingCommand = { readonly type: 'routes'; readonly responder: Responder<RouteInfo[]> };

export type RoutingInput =
  | RoutingCommand
  | Extract<PeersOutput, { type: 'peer/came' | 'peer/went' }>
  | InternalInbound
  | InternalSettled
  | DateTold
  | { readonly type: 'tick' };

export type RoutingOutput = Overload | Settle | InternalRequest | InternalAnswer | RouteFound | RouteLost;
