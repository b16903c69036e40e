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
  type NodeEvent,
  type NodeStatus,
  type NodeTop,
  type PeerdError,
  type PeerInfo,
  type PingOptions,
  type PingResult,
  QueuedItems,
  QueuedSubscription,
  type Registration,
  type RequestHandler,
  type RequestOptions,
  type RouteInfo,
  type ServiceInfo,
  type SignalOptions,
  type SubscribeOptions,
  type Subscription,
  type TopicInfo,
  type TraceOptions,
  type TraceResult,
  type Watch,
} from '@peerd/protocol';
import { accessMessage, accessOf, type ClientBody } from '@peerd/protocol/control';
import { eventOf, routeOf, statusOf, topOf, traceOf } from './answers.ts';
import {
  type AnswerCase,
  type AnswerOf,
  type AskOptions,
  answerTimeoutMs,
  ask,
  askFor,
  bytesOf,
  checkHandler,
  countOf,
  textOf,
  timeoutOf,
} from './ask.ts';
import type { DaemonInfo, InFlight } from './events.ts';
import { heldSubscription } from './held-subscription.ts';
import type { Held } from './lease.ts';
import { type LogRecord, type LogsOptions, logs } from './logs.ts';
import type { JoinTicket, ReloadResult, TicketOptions } from './process.ts';
import type { Session } from './session.ts';
import { answersTo } from './stream.ts';

/** `Client` over the control socket of a daemon. */
export class SocketClient implements Client {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The daemon this client is connected to, or was last. */
  get daemon(): DaemonInfo {
    return this.#session.daemon;
  }

  /**
   * Resolves when this client has ended for good, to the reason: `stopped` if it was closed or asked the daemon to
   * stop, `incompatible` or `invalid` if what is at the socket is not the daemon it was; without `reconnect`
   * also `daemon-unavailable`, and `stopped` by the daemon.
   */
  get closed(): Promise<PeerdError> {
    return this.#session.closed;
  }

  request(peer: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    try {
      const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.requestTimeoutMs);
      const { signal, service = '', idempotent: again = false, onPath } = options;
      const bytes = checkedCall(peer, service, payload);
      const about = { kind: 'request', peer, service, again };
      const value = { peer, payload, service, timeoutMs, idempotent: again, wantPath: onPath !== undefined };
      const { connection } = this.#session;
      if (connection !== undefined && !again) {
        const body: ClientBody = { case: 'request', value };
        return askFor(connection.calls, body, 'answer', payloadOf, { signal, timeoutMs, about, onPath });
      }
      return this.#ask(about, 'answer', { signal, timeoutMs, bytes, onPath }, (leftMs) => ({
        case: 'request',
        value: { ...value, timeoutMs: leftMs },
      })).then(payloadOf);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async *requestStream(
    peer: string,
    payload: Uint8Array,
    options: RequestOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.requestTimeoutMs);
    const { signal, service = '', idempotent = false, onPath } = options;
    const bytes = checkedCall(peer, service, payload);
    const about = { kind: 'requestStream', peer, service, again: false };
    const value = { peer, payload, service, stream: true, idempotent, wantPath: onPath !== undefined };
    yield* answersTo(this.#session, {
      about,
      body: (leftMs) => ({ case: 'request', value: { ...value, timeoutMs: leftMs } }),
      timeoutMs,
      signal,
      bytes,
      onPath,
    });
  }

  async handle(service: string, handler: RequestHandler, options: HandleOptions = {}): Promise<Registration> {
    textOf('a service', service);
    checkHandler(handler);
    const access = accessMessage(options.access ?? 'open');
    const concurrency = countOf('concurrency', options.concurrency ?? defaults.handlerConcurrency);
    const held: Held = {
      about: { kind: 'registration', service },
      body: () => ({ case: 'handle', value: { service, access, concurrency } }),
      opened: ({ inbound }, id) => inbound.register(id, handler),
      released: ({ inbound }, id) => inbound.unregister(id),
    };
    const close = await this.#session.hold(held, options.signal);
    return { close, [Symbol.asyncDispose]: close };
  }

  async broadcast(
    topic: string,
    payload: Uint8Array,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.broadcastTimeoutMs);
    const { signal, allowNone = false } = options;
    textOf('a topic', topic);
    const about = { kind: 'broadcast', topic, again: false };
    const { peers } = await this.#ask(
      about,
      'sent',
      { signal, timeoutMs, bytes: bytesOf(payload) },
      (leftMs) => ({
        case: 'broadcast',
        value: { topic, payload, timeoutMs: leftMs, allowNone },
      }),
    );
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
    for (const topic of list) textOf('a topic', topic);
    const maxQueued = countOf('maxQueued', options.maxQueued ?? defaults.maxQueuedMessages);
    const queue = new MessageQueue(maxQueued);
    const release = await this.#session.hold(
      heldSubscription(list, maxQueued, queue, this.#session.reconnects),
      options.signal,
    );
    return new QueuedSubscription(list, queue, release);
  }

  async peers({ signal }: SignalOptions = {}): Promise<PeerInfo[]> {
    const { peers } = await this.#read('peers', { case: 'peers', value: {} }, signal);
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
    textOf('a peer', peer);
    const about = { kind: 'connect', peer, again: true };
    const answer = await this.#ask(about, 'connected', { signal, timeoutMs }, (leftMs) => ({
      case: 'connect',
      value: { peer, timeoutMs: leftMs },
    }));
    const { peer: id, name, address } = answer;
    return {
      peer: id,
      ...(name === undefined ? {} : { name }),
      ...(address === undefined ? {} : { address }),
    };
  }

  async disconnect(peer: string, { signal }: SignalOptions = {}): Promise<number> {
    textOf('a peer', peer);
    const about = { kind: 'disconnect', peer, again: true };
    const body = () => ({ case: 'disconnect', value: { peer } }) as const;
    return (await this.#ask(about, 'disconnected', { signal }, body)).connections;
  }

  async top({ signal }: SignalOptions = {}): Promise<NodeTop> {
    return topOf(await this.#read('top', { case: 'top', value: {} }, signal));
  }

  watch(options: SignalOptions = {}): IterablePromise<Watch> {
    return iterablePromise(this.#watch(options));
  }

  async #watch({ signal }: SignalOptions): Promise<Watch> {
    const queue = new MessageQueue<NodeEvent>(defaults.maxQueuedEvents, () => 0);
    const held: Held = {
      about: { kind: 'watch' },
      body: () => ({ case: 'watch', value: {} }),
      stands: (again) => {
        // What happened while the connection was gone, nobody has counted.
        if (again) queue.miss(undefined);
      },
      frame: (body) => {
        const event = body.case === 'event' ? eventOf(body.value) : undefined;
        if (event !== undefined) queue.push(event);
      },
      ended: (error) => queue.end(error),
    };
    return new QueuedItems(queue, await this.#session.hold(held, signal));
  }

  async services({ signal }: SignalOptions = {}): Promise<ServiceInfo[]> {
    const { services } = await this.#read('services', { case: 'services', value: {} }, signal);
    return services.map(({ service, handlers, access, inFlight, waiting }) => ({
      service,
      handlers,
      access: accessOf(access),
      inFlight,
      waiting,
    }));
  }

  async topics({ signal }: SignalOptions = {}): Promise<TopicInfo[]> {
    const { topics } = await this.#read('topics', { case: 'topics', value: {} }, signal);
    return topics.map(({ topic, subscriptions, peers }) => ({ topic, subscriptions, peers }));
  }

  async routes({ signal }: SignalOptions = {}): Promise<RouteInfo[]> {
    const { routes } = await this.#read('routes', { case: 'routes', value: {} }, signal);
    return routes.map(routeOf);
  }

  async status({ signal }: SignalOptions = {}): Promise<NodeStatus> {
    return statusOf(await this.#read('status', { case: 'status', value: {} }, signal));
  }

  async ping(peer: string, options: PingOptions = {}): Promise<PingResult> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.pingTimeoutMs);
    const { signal } = options;
    textOf('a peer', peer);
    const about = { kind: 'ping', peer, again: true };
    const pong = await this.#ask(about, 'pong', { signal, timeoutMs }, (leftMs) => ({
      case: 'ping',
      value: { peer, timeoutMs: leftMs },
    }));
    return { peer: pong.peer, rttMs: pong.rttMs, routed: pong.routed };
  }

  async trace(peer: string, options: TraceOptions = {}): Promise<TraceResult> {
    const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.traceTimeoutMs);
    const { signal } = options;
    textOf('a peer', peer);
    const about = { kind: 'trace', peer, again: true };
    const body = (leftMs: number) => ({ case: 'trace', value: { peer, timeoutMs: leftMs } }) as const;
    return traceOf(await this.#ask(about, 'trace', { signal, timeoutMs }, body));
  }

  /** What the daemon has logged, oldest first. The daemon is not held up by a reader that is slow: it says what it dropped. */
  logs(options: LogsOptions = {}): AsyncIterable<LogRecord> {
    return logs(this.#session, options);
  }

  /** A line that others join the daemon's network with. Fails with `invalid` on an address that is none of its. */
  async ticket(options: TicketOptions & SignalOptions = {}): Promise<JoinTicket> {
    const { addresses = [], withSecret = false, signal } = options;
    const value = { addresses: [...addresses], withSecret };
    const about = { kind: 'ticket', again: true };
    const made = await this.#ask(about, 'ticket', { signal }, () => ({ case: 'ticket', value }));
    return {
      ticket: made.ticket,
      addresses: made.addresses,
      hasSecret: made.hasSecret,
      loopbackOnly: made.loopbackOnly,
    };
  }

  /**
   * Has the daemon read its configuration again, as SIGHUP does; resolves to what became of it. Fails with `invalid`, with a
   * line for each mistake, and then nothing has changed.
   */
  async reload({ signal }: SignalOptions = {}): Promise<ReloadResult> {
    const about = { kind: 'reload', again: false };
    const body = (): ClientBody => ({ case: 'reload', value: {} });
    const { changed, restart, warnings } = await this.#ask(about, 'reloaded', { signal }, body);
    return { changed, restart, warnings };
  }

  /**
   * Asks the daemon to stop; resolves when it has begun to. `closed` tells when it is gone: this client does not wait
   * for another.
   */
  async stop({ signal }: SignalOptions = {}): Promise<void> {
    this.#session.makeLast(true);
    try {
      const about = { kind: 'stop', again: false };
      await this.#ask(about, 'done', { signal }, () => ({ case: 'stop', value: {} }));
    } catch (error) {
      this.#session.makeLast(false);
      throw error;
    }
  }

  /** Ends this client at once, also while the daemon is away. */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What the daemon knows by itself. */
  #read<What extends AnswerCase>(
    what: What,
    body: ClientBody,
    signal: AbortSignal | undefined,
  ): Promise<AnswerOf<What>> {
    return this.#ask({ kind: what, again: true }, what, { signal }, () => body);
  }

  /** One command with one answer. Without `timeoutMs` the daemon has to answer at once. */
  #ask<Expected extends AnswerCase>(
    about: InFlight,
    expected: Expected,
    {
      signal,
      timeoutMs,
      bytes = 0,
      onPath,
    }: Pick<AskOptions, 'signal' | 'timeoutMs' | 'onPath'> & { bytes?: number },
    body: (leftMs: number) => ClientBody,
  ): Promise<AnswerOf<Expected>> {
    return this.#session.attempt({
      timeoutMs: timeoutMs ?? answerTimeoutMs,
      signal,
      bytes,
      again: about.again,
      send: ({ calls }, answerMs) => {
        const leftMs = timeoutMs === undefined ? undefined : timeoutOf(answerMs);
        return ask(calls, body(leftMs ?? 0), expected, {
          signal,
          timeoutMs: leftMs,
          answerMs,
          about,
          onPath,
        });
      },
    });
  }
}

function payloadOf({ payload }: AnswerOf<'answer'>): Uint8Array {
  return payload;
}

/** What the payload costs in memory. */
function checkedCall(peer: unknown, service: unknown, payload: unknown): number {
  textOf('a peer', peer);
  textOf('a service', service);
  return bytesOf(payload);
}
