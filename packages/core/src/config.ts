import type { ForwardPolicy, RoutingStrategy, ServiceAccess } from '@peerd/protocol';
import type { Datastore } from 'interface-datastore';
import type { Log } from './log.ts';

/** What belongs together on one machine, on one local network, on the internet: see docs/architecture.md. */
export type Profile = 'local' | 'lan' | 'internet';

/** Who may ask which service, by its name; one that is not named is as its handlers say. */
export type ServiceRules = Readonly<Record<string, ServiceAccess>>;

export interface RoutingSettings {
  /** Default: `table`. */
  readonly strategy: RoutingStrategy;
  /** What is for a peer to which no way is known goes to a random neighbour. Default: true. */
  readonly randomFallback: boolean;
  /** Default: `network`. */
  readonly forward: ForwardPolicy;
}

export interface PeerConfig {
  /** The 32-byte Ed25519 secret this node is known by. See `identity.ts` to make or decode one. */
  secret: Uint8Array;
  /** The name this node gives itself: 1 to 63 characters of `a-z A-Z 0-9 . _ -`, not starting with `-` or `.`. */
  name: string;
  /** Peers of another network are refused. Default: `peerd`. */
  network?: string;
  /** When set, only peers that prove they know it are let in. Default: none. */
  networkSecret?: string;
  /** When not empty, only these peer ids are let in. Default: everyone. */
  allow?: readonly string[];
  /** These peer ids are never let in. Default: none. */
  deny?: readonly string[];
  /** Multiaddrs to listen on. Default: `/ip4/127.0.0.1/tcp/0` (profile `local`), else `/ip4/0.0.0.0/tcp/0`. */
  listen?: readonly string[];
  /**
   * Multiaddrs that this node keeps a connection to; one that ends in `/p2p/<id>` only counts if that peer answers.
   * Default: none.
   */
  peers?: readonly string[];
  /**
   * Who may ask which service, by the service's name, whatever its handlers say: both have to admit the peer.
   * Default: as the handlers say.
   */
  services?: ServiceRules;
  /** Topics whose broadcasts the event handler hears. Default: none. */
  topics?: readonly string[];
  /** Default: `local`. */
  profile?: Profile;
  /** `off`: no DHT, no mDNS, no remembered peers; only `peers` and who dials in. Default: `on`. */
  discovery?: 'on' | 'off';
  /** Finds peers on the local network by multicast. Default: false. */
  mdns?: boolean;
  /** How peers without a direct connection are reached. */
  routing?: Partial<RoutingSettings>;
  /** `tinyp2p`: the DHT speaks `/ipfs/kad/1.0.0` instead of `/peerd/kad/1.0.0`. Nothing else changes. */
  compat?: 'tinyp2p';
  /** Time from one DHT bootstrap to the next. Default: 30,000 ms. */
  bootstrapIntervalMs?: number;
  /** Time from the start to the first DHT bootstrap. Default: 5,000 ms. */
  firstBootstrapMs?: number;
  /** Time from one check that a connection is alive to the next. Default: 15,000 ms. */
  pingIntervalMs?: number;
  /**
   * How long a peer has to answer such a check before its connection is given up. Default: 15,000 ms, so that one
   * whose process or machine stands still for 10 s keeps its calls.
   */
  pingTimeoutMs?: number;
  /**
   * How what a busy turn of the loop writes goes out: in `halves`, so that the other side begins while this one goes on,
   * or `whole`, which takes less work, and is faster where there are more processes at work on a request than
   * cores. Default: `halves`.
   */
  turns?: 'halves' | 'whole';
  limits?: Partial<Limits>;
  /** Where libp2p keeps its peers over a restart. Default: memory. */
  datastore?: Datastore;
  /** Default: silent. */
  log?: Log;
}

/** Bounds of what this node keeps in memory. Past each the answer is `busy` or `too-large`. */
export interface Limits {
  /** Bytes of one request, one answer or one broadcast. */
  maxPayloadBytes: number;
  /** Commands waiting for the loop. */
  maxQueuedCommands: number;
  /** Payload bytes in commands waiting for the loop. */
  maxQueuedBytes: number;
  /** Calls in flight to all peers together. */
  maxOutboundCalls: number;
  /** Calls of one peer being answered at a time. */
  maxInboundCallsPerPeer: number;
  /** Payload bytes of calls in flight, both ways, with all peers together. */
  maxBytesInFlight: number;
}
