/** What `Client` tells of the node it belongs to. */

import type { PeerdError } from './errors.ts';

export interface PeerInfo {
  readonly id: string;
  /** The name it gave itself in hello; absent for a peer that does not speak our protocols. */
  readonly name?: string;
  /** Whether there is a connection that may be used: one whose hello is over and that was let in. */
  readonly connected: boolean;
  /** `peerd` after a hello, `other` for an implementation without it, `unknown` until either is clear. */
  readonly kind: 'peerd' | 'other' | 'unknown';
  /** Whether it is in the DHT's routing table. */
  readonly inDht: boolean;
  /** Multiaddrs it can be dialled at, as far as known. */
  readonly addresses: readonly string[];
}

/**
 * How ways over several links are found: each node has a `table` of next neighbours, or knows all links and puts the whole
 * way into the message (`source`). All peers of a network need the same.
 */
export type RoutingStrategy = 'table' | 'source';

/** For whom a node passes on what is not for itself: for peers of its own `network`, for `all`, or for `nobody`. */
export type ForwardPolicy = 'network' | 'all' | 'nobody';

export interface NodeStatus {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly version: string;
  /** Listened multiaddrs, each ending in `/p2p/<id>`. */
  readonly addresses: readonly string[];
  /** `routed`: those that others lead to, and that there is no connection to. Not all of them need be known otherwise. */
  readonly peers: { readonly known: number; readonly connected: number; readonly routed: number };
  readonly topics: readonly string[];
  readonly services: readonly string[];
  readonly routing: { readonly strategy: RoutingStrategy; readonly forward: ForwardPolicy };
  /**
   * The configured `peers` that there is no connection to, but for this node itself and those that were disconnected by a call.
   * Each once where its id is known, whatever the number of its addresses.
   */
  readonly unreached: readonly UnreachedPeer[];
  readonly uptimeMs: number;
}

/** A configured peer that the node is not connected to, and dials again and again. */
export interface UnreachedPeer {
  /** As it is configured; of several the one that failed last. */
  readonly address: string;
  /** Absent as long as neither the address nor the peer has told it. */
  readonly id?: string;
  /** Why the last attempt failed; absent during the first, and when there was a connection that has ended. */
  readonly error?: PeerdError;
  /** Time until the next attempt; absent while one is under way. */
  readonly nextDialMs?: number;
}

/** The way to a peer: a connected one is one link away. */
export interface RouteInfo {
  readonly peer: string;
  /** Its own word for its name. */
  readonly name: string;
  /** The connected peer that the way begins with. */
  readonly next: string;
  readonly nextName: string;
  /** Links, 1 to 16. */
  readonly distance: number;
  /** How it was found: by `table`, as neighbours tell, or by `source`, worked out here. */
  readonly rule: RoutingStrategy;
  /** Since it has been as it is. */
  readonly ageMs: number;
}

/** A peer that something passed. */
export interface PeerRef {
  readonly peer: string;
  /** Its own word for its name; absent if this node has not heard it. */
  readonly name?: string;
}

/** One step of the way to a peer. */
export interface TraceHop {
  /** Links from this node, from 1 up. */
  readonly hop: number;
  /** Who answered from there, proven by its signature; absent: nobody did in time. */
  readonly peer?: string;
  /** Its own word for its name; absent if this node has not heard it, or nobody answered. */
  readonly name?: string;
  /** The round trip to there; absent where nobody answered. */
  readonly rttMs?: number;
}

/** The way to a peer as it was found. */
export interface TraceResult {
  readonly peer: string;
  readonly name?: string;
  /** By distance, 1 to 16 of them. The last one is the peer itself; a connected peer is the only one. */
  readonly hops: readonly TraceHop[];
}

/** One topic as this node knows it. */
export interface TopicInfo {
  readonly topic: string;
  /** Subscriptions of programs here. */
  readonly subscriptions: number;
  /** Connected peers that have subscribed. */
  readonly peers: number;
}

/** Who may ask a service: everyone who may connect, nobody, or the peers with these ids. */
export type ServiceAccess = 'open' | 'nobody' | { readonly peers: readonly string[] };

/** One service that has handlers here. */
export interface ServiceInfo {
  readonly service: string;
  /** Registrations, in all programs. */
  readonly handlers: number;
  /** Who may ask as things are: whom a registration admits and the configuration does too. */
  readonly access: ServiceAccess;
  /** Requests that handlers have in hand. */
  readonly inFlight: number;
  /** Requests that wait for a handler to be free. */
  readonly waiting: number;
}
