import {
  type BroadcastOptions,
  type BroadcastResult,
  type Client,
  type ConnectedPeer,
  type ConnectPeerOptions,
  defaults,
  type HandleOptions,
  type IterablePromise,
  iterablePromise,
  MessageQueue,
  type NodeStatus,
  type PeerdError,
  type PeerInfo,
  type PingOptions,
  type PingResult,
  QueuedSubscription,
  type Registration,
  type RequestHandler,
  type RequestOptions,
  type ServiceInfo,
  type SignalOptions,
  type SubscribeOptions,
  type Subscription,
  type TopicInfo,
} from '@peerd/protocol';
import { accessMessage, accessOf } from '@peerd/protocol/control';
import { ask, countOf, timeoutOf } from './ask.ts';
import type { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import { hold } from './hold.ts';
import { type LogRecord, type LogsOptions, logs } from './logs.ts';
import { requestStream } from './stream.ts';

/** The daemon this client is connected to. */
export interface DaemonInfo {
  /** Its peer id. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** The path of its socket. */
  readonly socket: string;
}

/** `Client` over the control socket of a daemon. */
export class SocketClient implements Client {
  readonly daemon: DaemonInfo;
  /** Resolves when the connection has ended: `stopped` if either side wanted it, else `daemon-unavailable`. */
  readonly closed: Promise<PeerdError>;
  readonly #connection: Connection;
  readonly #calls: Calls;

  constructor(daemon: DaemonInfo, connection: Connection) {
    this.daemon = daemon;
    this.closed = connection.closed;
    this.#connection = connection;
    this.#calls = connection.calls;
  }

  async request(peer: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.requestTimeoutMs);
    const { service = '', idempotent = false } = options;
    const value = { peer, payload, service, timeoutMs, idempotent };
    const { signal } = options;
    return (await ask(this.#calls, { case: 'request', value }, 'answer', { signal, timeoutMs })).payload;
  }

  requestStream(peer: string, payload: Uint8Array, options: RequestOptions = {}): AsyncIterable<Uint8Array> {
    return requestStream(this.#calls, peer, payload, options);
  }

  async handle(service: string, handler: RequestHandler, options: HandleOptions = {}): Promise<Registration> {
    const { inbound } = this.#connection;
    const access = accessMessage(options.access ?? 'open');
    const concurrency = countOf('concurrency', options.concurrency ?? defaults.handlerConcurrency);
    let id = 0;
    const close = await hold(
      this.#calls,
      { case: 'handle', value: { service, access, concurrency } },
      {
        opened: (call) => {
          id = call;
          inbound.register(call, handler);
        },
        ended: () => inbound.unregister(id),
      },
      options.signal,
    );
    return { close, [Symbol.asyncDispose]: close };
  }

  async broadcast(
    topic: string,
    payload: Uint8Array,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.broadcastTimeoutMs);
    const value = { topic, payload, timeoutMs, allowNone: options.allowNone ?? false };
    const { signal } = options;
    const { peers } = await ask(this.#calls, { case: 'broadcast', value }, 'sent', { signal, timeoutMs });
    return { peers };
  }

  subscribe(
    topics: string | readonly string[],
    options: SubscribeOptions = {},
  ): IterablePromise<Subscription> {
    return iterablePromise(this.#subscribe(topics, options));
  }

  async #subscribe(topics: string | readonly string[], options: SubscribeOptions): Promise<Subscription> {
    const list = typeof topics === 'string' ? [topics] : [...topics];
    const maxQueued = countOf('maxQueued', options.maxQueued ?? defaults.maxQueuedMessages);
    const queue = new MessageQueue(maxQueued);
    const release = await hold(
      this.#calls,
      { case: 'subscribe', value: { topics: list, maxQueued } },
      {
        frame: (body) => {
          if (body.case === 'message') queue.push(body.value);
        },
        ended: (error) => queue.end(error),
      },
      options.signal,
    );
    return new QueuedSubscription(list, queue, release);
  }

  async peers({ signal }: SignalOptions = {}): Promise<PeerInfo[]> {
    const { peers } = await ask(this.#calls, { case: 'peers', value: {} }, 'peers', { signal });
    return peers.map(({ id, name, connected, kind, inDht, addresses }) => ({
      id,
      ...(name === undefined ? {} : { name }),
      connected,
      kind: kind === 'peerd' || kind === 'other' ? kind : 'unknown',
      inDht,
      addresses,
    }));
  }

  async connect(peer: string, options: ConnectPeerOptions = {}): Promise<ConnectedPeer> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.connectTimeoutMs);
    const { signal } = options;
    const answer = await ask(this.#calls, { case: 'connect', value: { peer, timeoutMs } }, 'connected', {
      signal,
      timeoutMs,
    });
    const { peer: id, name, address } = answer;
    return {
      peer: id,
      ...(name === undefined ? {} : { name }),
      ...(address === undefined ? {} : { address }),
    };
  }

  async disconnect(peer: string, { signal }: SignalOptions = {}): Promise<number> {
    const body = { case: 'disconnect', value: { peer } } as const;
    return (await ask(this.#calls, body, 'disconnected', { signal })).connections;
  }

  async services({ signal }: SignalOptions = {}): Promise<ServiceInfo[]> {
    const { services } = await ask(this.#calls, { case: 'services', value: {} }, 'services', { signal });
    return services.map(({ service, handlers, access, inFlight, waiting }) => ({
      service,
      handlers,
      access: accessOf(access),
      inFlight,
      waiting,
    }));
  }

  async topics({ signal }: SignalOptions = {}): Promise<TopicInfo[]> {
    const { topics } = await ask(this.#calls, { case: 'topics', value: {} }, 'topics', { signal });
    return topics.map(({ topic, subscriptions, peers }) => ({ topic, subscriptions, peers }));
  }

  async status({ signal }: SignalOptions = {}): Promise<NodeStatus> {
    const status = await ask(this.#calls, { case: 'status', value: {} }, 'status', { signal });
    const { id, name, network, version, addresses, topics, services, uptimeMs } = status;
    const peers = { known: status.knownPeers, connected: status.connectedPeers };
    return { id, name, network, version, addresses, peers, topics, services, uptimeMs };
  }

  async ping(peer: string, options: PingOptions = {}): Promise<PingResult> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.pingTimeoutMs);
    const { signal } = options;
    const pong = await ask(this.#calls, { case: 'ping', value: { peer, timeoutMs } }, 'pong', {
      signal,
      timeoutMs,
    });
    return { peer: pong.peer, rttMs: pong.rttMs };
  }

  /** What the daemon has logged, oldest first. The daemon is not held up by a reader that is slow: it says what it dropped. */
  logs(options: LogsOptions = {}): AsyncIterable<LogRecord> {
    return logs(this.#calls, options);
  }

  /** Asks the daemon to stop; resolves when it has begun to. `closed` tells when it is gone. */
  async stop(): Promise<void> {
    await ask(this.#calls, { case: 'stop', value: {} }, 'done');
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
