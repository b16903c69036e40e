import type { Watch } from './events.ts';
import type { IterablePromise } from './iterable-promise.ts';
import type {
  NodeStatus,
  PeerInfo,
  PeerRef,
  RouteInfo,
  ServiceAccess,
  ServiceInfo,
  TopicInfo,
  TraceResult,
} from './node.ts';
import type { NodeTop } from './top.ts';

/**
 * What a program can ask of peerd. The embedded client (`@peerd/core`) and the client of a running daemon
 * (`@peerd/client`) both implement it.
 *
 * Everywhere a `peer` is asked for, it may be a name, a peer id, a prefix of a peer id that fits one known
 * peer, or a multiaddr. Payloads are bytes; peerd never looks inside. A payload that was passed in must not be
 * changed until the call has settled, and a payload that is handed out may be a view into a larger buffer:
 * copy it to keep it for long.
 *
 * Every call fails with a {@link PeerdError}. Any of them may end `stopped` (this client or the daemon behind
 * it was stopped), `busy` (a queue is full) or, of a socket client, `disconnected` (the daemon was lost with it in
 * flight: outcome unknown) and `daemon-unavailable` (it was away and did not come back in time).
 */
export interface Client extends AsyncDisposable {
  /**
   * Asks one peer and resolves to its answer.
   *
   * Fails with `unknown-peer`, `unreachable`, `incompatible`, `no-handler`, `refused`, `forbidden`,
   * `timeout`, `too-large`, `disconnected` (outcome unknown), or `invalid` (an ambiguous name, a malformed
   * address, or a service that answers with a stream of messages).
   */
  request(peer: string, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;

  /**
   * Asks one peer and yields its answers as they come. The far side is slowed down when the answers are not
   * taken. Leaving the loop cancels the call. Fails as {@link Client.request} does; `timeoutMs` is for the
   * whole of it.
   */
  requestStream(peer: string, payload: Uint8Array, options?: RequestOptions): AsyncIterable<Uint8Array>;

  /**
   * Answers requests to a service until the registration is closed or the client ends. Of several handlers of a
   * service, in one program or in many, a request goes to the one with the fewest in hand that admits the caller; with
   * all of them full it waits for the first that is free. Callers whom no handler admits get `forbidden`, and `busy`
   * when 32,768 requests wait for the service, or as many of that peer as there is room for beside them.
   *
   * Fails with `invalid` when an event handler was set on the server, and `busy` past 16,384 handlers on the node.
   */
  handle(service: string, handler: RequestHandler, options?: HandleOptions): Promise<Registration>;

  /**
   * Tells everyone who subscribed to the topic; resolves to the number of peers it was sent to. With none yet
   * it waits for one, up to `timeoutMs`, and then fails with `no-peers` (or resolves to 0 with `allowNone`).
   */
  broadcast(topic: string, payload: Uint8Array, options?: BroadcastOptions): Promise<BroadcastResult>;

  /**
   * Hears topics. Once it has resolved, a message that any connected peer broadcasts is not lost. A reader
   * that falls more than `maxQueued` messages behind misses the oldest, and the next message it gets says how
   * many. What it returns can be awaited, and iterated at once:
   * `for await (const message of node.subscribe('news'))`.
   */
  subscribe(topics: string | readonly string[], options?: SubscribeOptions): IterablePromise<Subscription>;

  /** The peers this node knows, connected ones first. */
  peers(options?: SignalOptions): Promise<PeerInfo[]>;

  /**
   * Connects to a peer unless there is a connection that may be used, and resolves once there is. Fails as
   * {@link Client.request} does, for want of a connection.
   */
  connect(peer: string, options?: ConnectPeerOptions): Promise<ConnectedPeer>;

  /**
   * Closes all connections to a peer and resolves to their number once they are gone; calls over them end
   * `disconnected`. From then until `connect` or a restart this node does not dial the peer again by itself, also
   * when the configuration lists it in `peers`. What asks for the peer, such as a request, still connects to it, and
   * the peer may dial in: `deny` keeps it out.
   *
   * Fails with `unknown-peer` or `invalid` (an ambiguous name, a malformed address, this node itself).
   */
  disconnect(peer: string, options?: SignalOptions): Promise<number>;

  status(options?: SignalOptions): Promise<NodeStatus>;

  /** The services that have a handler here, by name. */
  services(options?: SignalOptions): Promise<ServiceInfo[]>;

  /** How full the node's queues are, how its loop keeps up, and which programs press on it. */
  top(options?: SignalOptions): Promise<NodeTop>;

  /**
   * What happens to the node from now on: peers come and go, services and topics, queues overflow. A reader that falls
   * more than 1,024 events behind misses the oldest, and the next event it gets says how many. What it returns can be
   * awaited, and iterated at once: `for await (const event of node.watch())`. The signal ends it.
   */
  watch(options?: SignalOptions): IterablePromise<Watch>;

  /** The topics that somebody hears, here or at a connected peer, by name. */
  topics(options?: SignalOptions): Promise<TopicInfo[]>;

  /** The peers that can be reached, connected or over others, nearest first, and how. */
  routes(options?: SignalOptions): Promise<RouteInfo[]>;

  /**
   * The round trip to a peer, connecting to it first if need be, or over others where there is no connection: but not when
   * it is asked for by a multiaddr. Fails as {@link Client.request} does.
   */
  ping(peer: string, options?: PingOptions): Promise<PingResult>;

  /**
   * The way to a peer, link by link: who passes on what is sent there, and how long the way to each of them and back takes.
   * Each proves by its signature that it answered. A peer that there is a connection to is the one hop; none is made for this.
   *
   * Fails with `unknown-peer`, `unreachable` (no way is known), `timeout` (the peer itself gave no answer) or `invalid` (an
   * ambiguous name, a malformed address, this node itself).
   */
  trace(peer: string, options?: TraceOptions): Promise<TraceResult>;

  /** Ends this client: its calls settle with `stopped`, its registrations and subscriptions end. */
  close(): Promise<void>;
}

export interface SignalOptions {
  /** Calls it off; it then fails with the signal's reason. */
  signal?: AbortSignal;
}

export interface ConnectPeerOptions extends SignalOptions {
  /** Default: 30,000 ms. It covers finding the peer and the handshake. */
  timeoutMs?: number;
}

export interface ConnectedPeer {
  readonly peer: string;
  /** The name it gives itself; absent if it gave none. */
  readonly name?: string;
  /**
   * Where the peer listens: the multiaddr that was dialled or, if it was the peer that dialled, one that it is known to
   * listen on. Absent if none is known.
   */
  readonly address?: string;
}

export interface RequestOptions {
  /** Which service of the peer is asked. Default: `''`, the service that every handler without a name has. */
  service?: string;
  /** Default: 30,000 ms. It covers finding the peer, connecting to it and the answer. */
  timeoutMs?: number;
  /**
   * The service may handle it more than once. When the connection breaks or the peer stops before the (first) answer the
   * call is tried again instead of failing with `disconnected` or `stopped`: up to 6 times, after pauses of up to 0.2 s
   * doubling to 5 s, within `timeoutMs`. When it is the daemon that was lost, `request` sends it again once the daemon
   * is back. Default: false.
   */
  idempotent?: boolean;
  /**
   * Told which peers the request passed, in order, the one that answered last: one for a peer that is connected. It is
   * called once, before the call resolves (a stream: before its first answer, or its end), and not at all for a call that
   * fails before that. What it throws, the call fails with.
   */
  onPath?: (path: readonly PeerRef[]) => void;
  /** Cancels the call, at the far side too; it then fails with the signal's reason. */
  signal?: AbortSignal;
}

export interface InboundRequest {
  /** The asking peer's id, authenticated. */
  readonly peer: string;
  /** The name that peer gives itself: its word, not a proof. `undefined` if it gave none. */
  readonly peerName: string | undefined;
  readonly service: string;
  readonly payload: Uint8Array;
  /** Aborted when the caller cancels, times out or disconnects. */
  readonly signal: AbortSignal;
}

/**
 * Answers a request. Bytes are one answer; an async iterable is a stream of answers, taken no faster than the
 * caller reads. To refuse, throw a `PeerdError` with code `refused`: its message is the reason the caller
 * sees. Anything else that is thrown reaches the caller as `internal`, without its message.
 */
export type RequestHandler = (
  request: InboundRequest,
) => Uint8Array | AsyncIterable<Uint8Array> | Promise<Uint8Array | AsyncIterable<Uint8Array>>;

export interface HandleOptions {
  /**
   * Who may ask: `open` (everybody who may connect), `nobody`, or the peers with these ids; a name proves nothing. The
   * node's configuration can narrow it further. Default: `open`.
   */
  access?: ServiceAccess;
  /**
   * Requests this handler takes at once; the next ones go to other handlers, or wait. A request that was cancelled
   * does not count. Default: 1,024.
   */
  concurrency?: number;
  /** Closes the registration; before it stands, `handle` fails with the signal's reason. */
  signal?: AbortSignal;
}

export interface Registration extends AsyncDisposable {
  close(): Promise<void>;
}

export interface BroadcastOptions {
  /** How long to wait for the first subscriber. Default: 5,000 ms. */
  timeoutMs?: number;
  /** Do not wait and do not fail when nobody listens. Default: false. */
  allowNone?: boolean;
  /** Calls it off while it waits for a subscriber; it then fails with the signal's reason. */
  signal?: AbortSignal;
}

export interface BroadcastResult {
  /** The number of peers the message was sent to; each passes it on to others. */
  readonly peers: number;
}

export interface SubscribeOptions {
  /** Messages kept for a reader that is behind. Default: 1,024. */
  maxQueued?: number;
  /** Closes the subscription; before it stands, `subscribe` fails with the signal's reason. */
  signal?: AbortSignal;
}

export interface BroadcastMessage {
  readonly topic: string;
  /** The id of the peer that signed the message. */
  readonly from: string;
  readonly payload: Uint8Array;
  /**
   * Messages this subscription lost between the one before and this one, because its queue was full or the
   * daemon was away. `undefined` is an unknown number: the daemon was restarted meanwhile, or away for over 30 s.
   */
  readonly missed: number | undefined;
}

/** One reader iterates it. Leaving the loop closes it. */
export interface Subscription extends AsyncIterable<BroadcastMessage>, AsyncDisposable {
  readonly topics: readonly string[];
  /** Leaves the topics and ends the iteration. */
  close(): Promise<void>;
}

export interface PingOptions {
  /** Default: 10,000 ms. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface PingResult {
  readonly peer: string;
  readonly rttMs: number;
  /** It went over other peers, and the answer was signed by this one: there is no connection to it. */
  readonly routed: boolean;
}

export interface TraceOptions extends SignalOptions {
  /** Default: 10,000 ms, for all hops together. */
  timeoutMs?: number;
}

/** Defaults of the options above, the same for every implementation. */
export const defaults = {
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 30_000,
  broadcastTimeoutMs: 5_000,
  pingTimeoutMs: 10_000,
  traceTimeoutMs: 10_000,
  maxQueuedMessages: 1_024,
  maxQueuedEvents: 1_024,
  /** Room for handlers that wait for something; what they have in hand is bounded all the same. */
  handlerConcurrency: 1_024,
} as const;
