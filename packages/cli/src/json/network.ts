// What is printed with `--json` of peers, topics and services: which there are, and what becomes of them.
import type { ErrorJson } from './program.ts';

/** `peerd peers`: one object a peer that is known, connected ones first. */
export interface PeerJson {
  id: string;
  name: string | null;
  connected: boolean;
  kind: 'peerd' | 'other' | 'unknown';
  /** Whether it is in the table of the DHT. */
  inDht: boolean;
  addresses: string[];
}

/** `peerd peers`: after those, one object a peer of the configuration that there is no connection to, known or not. */
export interface UnreachedPeerJson {
  event: 'unreached';
  /** Null: it was never reached, and its address has no /p2p/ part. */
  id: string | null;
  /** As it is configured; of several the one that failed last. */
  address: string;
  /** Why it was not reached the last time; null: it was not tried yet, or there was a connection that has ended. */
  error: ErrorJson | null;
  /** Time until it is dialled again; null: it is being dialled. */
  nextDialMs: number | null;
}

/** `peerd topics`: one object a topic. */
export interface TopicJson {
  topic: string;
  /** Of programs on this daemon. */
  subscriptions: number;
  /** Connected peers that hear it. */
  peers: number;
}

/** `peerd routes`: one object a peer that can be reached. */
export interface RouteJson {
  peer: string;
  /** Its own word for its name. */
  name: string;
  /** The connected peer that the way begins with. */
  next: string;
  nextName: string;
  /** Links, 1 to 16. */
  distance: number;
  /** How it was found: "table", told by neighbours. */
  rule: string;
  ageMs: number;
}

/** `peerd routes` with --watch: one object a change; at first all that there is, as found. */
export interface RouteChangeJson {
  event: 'route-found' | 'route-changed' | 'route-lost';
  /** This, and what follows: as it is now; of one that is lost as it was. */
  peer: string;
  name: string;
  next: string;
  nextName: string;
  distance: number;
  rule: string;
  ageMs: number;
  /** When it was seen, since 1970. */
  timeMs: number;
}

/** `peerd services`: one object a service. */
export interface ServiceJson {
  /** '' is the service without a name. */
  service: string;
  /** In all programs on this daemon. */
  handlers: number;
  /** Everybody who may connect, nobody, or the peers with these ids, sorted. */
  access: 'open' | 'nobody' | string[];
  /** Requests that handlers have in hand. */
  inFlight: number;
  /** Requests that wait for a handler to be free. */
  waiting: number;
}

/** `peerd watch`, `peerd routes` with --watch: first this, once. */
export interface WatchingJson {
  event: 'watching';
  daemon: string;
}

/** `peerd watch`: there is a connection to a peer, or the last one is gone. */
export interface WatchPeerJson {
  event: 'peer-connected' | 'peer-disconnected';
  /** Its id. */
  peer: string;
  name: string | null;
  /** Since 1970. */
  timeMs: number;
  /** Events that were lost before this one; null when nobody can know. */
  missed: number | null;
}

/** `peerd watch`: one side did not let the other in. */
export interface WatchRefusedJson {
  event: 'peer-refused';
  peer: string;
  error: ErrorJson;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a peer can be reached, directly or over others, or can't any more. */
export interface WatchRouteJson {
  event: 'route-found' | 'route-lost';
  peer: string;
  /** Its own word for its name. */
  name: string;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a service has its first handler, or has lost its last. */
export interface WatchServiceJson {
  event: 'service-added' | 'service-removed';
  service: string;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a topic has its first subscription here, or has lost its last. */
export interface WatchTopicJson {
  event: 'topic-joined' | 'topic-left';
  topic: string;
  timeMs: number;
  missed: number | null;
}

/** `peerd watch`: a queue was too full. Told once in 10 s for each. */
export interface WatchOverloadJson {
  event: 'overload';
  /** As in `top`. */
  queue: string;
  unit: 'items' | 'bytes';
  limit: number;
  /** Times since the start. */
  refused: number;
  timeMs: number;
  missed: number | null;
}

/** `peerd connect`: one object. */
export interface ConnectJson {
  /** Its id. */
  peer: string;
  name: string | null;
  /** Where it listens, as far as is known. */
  address: string | null;
}

/** `peerd disconnect`: one object. */
export interface DisconnectJson {
  /** The peer as it was given. */
  peer: string;
  /** How many were closed. */
  connections: number;
}

/** `peerd ping`: one object. */
export interface PingJson {
  /** Its id. */
  peer: string;
  rttMs: number;
  /** Over other peers: there is no connection to it. */
  routed: boolean;
}

/** `peerd trace`: one object. */
export interface TraceJson {
  /** Its id. */
  peer: string;
  /** Its own word for its name. */
  name: string | null;
  /** By distance; the last is the peer itself. */
  hops: TraceHopJson[];
}

export interface TraceHopJson {
  /** Links from here, from 1 up. */
  hop: number;
  /** Who answered from there; null: nobody. */
  peer: string | null;
  name: string | null;
  /** There and back; null: nobody answered. */
  rttMs: number | null;
}
