import {
  type BroadcastOptions,
  type BroadcastResult,
  type ConnectedPeer,
  type ConnectPeerOptions,
  defaults,
  type HandleOptions,
  type IterablePromise,
  iterablePromise,
  MessageQueue,
  type NodeStatus,
  type NodeTop,
  PeerdError,
  type PeerInfo,
  type PeerRef,
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
import { checkAccess } from './access.ts';
import { Answers } from './answers.ts';
import { checkCount, checkHandler, checkPayload, checkText, Targets } from './arguments.ts';
import type { Inbox } from './channel/inbox.ts';
import { Responder, type Settler } from './channel/responder.ts';
import { type AskOptions, type CallHandler, type DirectClient, settling } from './direct.ts';
import { Leases } from './leases.ts';
import type { Target } from './peers/target.ts';
import type { Command, CoreTop, Drivers, Event } from './server/messages.ts';
import { type Surroundings, topWith } from './surroundings.ts';
import { checkTimeout } from './timeout.ts';

/** What every command about a peer has that takes its time. */
interface AboutPeer<T> {
  readonly ref: number;
  readonly target: Target;
  readonly timeoutMs: number;
  readonly responder: Responder<T>;
}

/** The client beside the server: turns each call into a command and awaits its responder. */
export class InProcessClient implements DirectClient {
  readonly effects: Pick<Drivers, 'request/message'>;
  readonly #inbox: Inbox<Event, Command>;
  readonly #around: Surroundings;
  readonly #targets = new Targets();
  readonly #streams = new Map<number, Answers>();
  readonly #leases = new Leases();
  #lastRef = 0;

  constructor(inbox: Inbox<Event, Command>, around: Surroundings) {
    this.#inbox = inbox;
    this.#around = around;
    this.effects = { 'request/message': ({ ref, payload }) => this.#streams.get(ref)?.push(payload) };
  }

  request(peer: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    const { signal, onPath } = options;
    const answer = new Responder<Uint8Array>();
    const path = onPath === undefined ? undefined : new Responder<readonly PeerRef[]>();
    try {
      signal?.throwIfAborted();
      const ref = this.ask(peer, payload, path === undefined ? options : { ...options, path }, answer);
      if (signal !== undefined) this.#onAbort(signal, answer, () => this.cancel(ref));
    } catch (error) {
      answer.reject(error);
    }
    if (path === undefined) return answer.promise;
    const told = path.promise.then((passed) => signal?.aborted || onPath?.(passed));
    return Promise.all([answer.promise, told]).then(([bytes]) => bytes);
  }

  ask(peer: string, payload: Uint8Array, options: AskOptions, answer: Settler<Uint8Array>): number {
    return this.#ask(peer, payload, options, answer, undefined);
  }

  cancel(ask: number): void {
    this.#inbox.follow({ type: 'request/cancel', ref: ask });
  }

  async *requestStream(
    peer: string,
    payload: Uint8Array,
    options: RequestOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const end = new Responder<void>();
    const answers = new Answers();
    const { signal, onPath } = options;
    const path = onPath === undefined ? undefined : new Responder<readonly PeerRef[]>();
    signal?.throwIfAborted();
    const ref = this.#ask(peer, payload, path === undefined ? options : { ...options, path }, undefined, end);
    if (signal !== undefined) this.#onAbort(signal, end, () => this.cancel(ref));
    this.#streams.set(ref, answers);
    path?.promise
      .then((passed) => signal?.aborted || !this.#streams.has(ref) || onPath?.(passed))
      .catch((error: unknown) => answers.fail(error));
    end.promise.then(
      () => answers.end(),
      (error: unknown) => answers.fail(error),
    );
    try {
      for (let next = await answers.take(); next !== undefined; next = await answers.take()) {
        yield next;
        this.#inbox.post({ type: 'request/consumed', ref, bytes: next.length });
      }
    } finally {
      this.#streams.delete(ref);
      this.cancel(ref);
    }
  }

  async handle(service: string, handler: RequestHandler, options: HandleOptions = {}): Promise<Registration> {
    checkHandler(handler);
    return await this.serve(service, settling(handler), options);
  }

  async serve(service: string, handler: CallHandler, options: HandleOptions = {}): Promise<Registration> {
    const { signal } = options;
    checkText('a service', service);
    const access = checkAccess(options.access ?? 'open');
    const concurrency = checkCount('concurrency', options.concurrency ?? defaults.handlerConcurrency);
    signal?.throwIfAborted();
    const ref = this.#nextRef();
    this.#around.handlers.add(ref, handler);
    const release = () => {
      this.#around.handlers.remove(ref);
      return this.#release((responder) => ({ type: 'unhandle', ref, responder }));
    };
    try {
      await this.#send<void>(
        (responder) => ({ type: 'handle', ref, service, access, concurrency, responder }),
        signal,
        release,
      );
    } catch (error) {
      this.#around.handlers.remove(ref);
      throw error;
    }
    return await this.#hold(release, signal);
  }

  async broadcast(
    topic: string,
    payload: Uint8Array,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    const { allowNone = false, signal } = options;
    checkText('a topic', topic);
    checkPayload(payload);
    const timeoutMs = checkTimeout(options.timeoutMs ?? defaults.broadcastTimeoutMs);
    const ref = this.#nextRef();
    const cancel = () => this.#inbox.follow({ type: 'broadcast/cancel', ref });
    return await this.#send(
      (responder) => ({ type: 'broadcast', ref, topic, payload, timeoutMs, allowNone, responder }),
      signal,
      cancel,
    );
  }

  subscribe(
    topics: string | readonly string[],
    options: SubscribeOptions = {},
  ): IterablePromise<Subscription> {
    return iterablePromise(this.#subscribe(topics, options));
  }

  async #subscribe(topics: string | readonly string[], options: SubscribeOptions): Promise<Subscription> {
    const { signal } = options;
    const names = [...new Set(typeof topics === 'string' ? [topics] : topics)];
    for (const name of names) checkText('a topic', name);
    signal?.throwIfAborted();
    const ref = this.#nextRef();
    const queue = new MessageQueue(checkCount('maxQueued', options.maxQueued ?? defaults.maxQueuedMessages));
    this.#around.subscriptions.add(ref, queue);
    const release = () => {
      queue.end();
      this.#around.subscriptions.remove(ref);
      return this.#release((responder) => ({ type: 'unsubscribe', ref, responder }));
    };
    try {
      await this.#send<void>(
        (responder) => ({ type: 'subscribe', ref, topics: names, responder }),
        signal,
        release,
      );
    } catch (error) {
      this.#around.subscriptions.remove(ref);
      throw error;
    }
    const lease = await this.#hold(release, signal);
    return new QueuedSubscription(names, queue, lease.close);
  }

  async top(options: SignalOptions = {}): Promise<NodeTop> {
    const core = await this.#send<CoreTop>((responder) => ({ type: 'top', responder }), options.signal);
    return topWith(core, this.#around);
  }

  watch(options: SignalOptions = {}): IterablePromise<Watch> {
    return iterablePromise(this.#watch(options));
  }

  async #watch({ signal }: SignalOptions): Promise<Watch> {
    signal?.throwIfAborted();
    if (this.#leases.isClosed || this.#inbox.isClosed) throw this.#refusal();
    const { watchers } = this.#around;
    const queue = watchers.add();
    const lease = await this.#hold(async () => watchers.remove(queue), signal);
    return new QueuedItems(queue, lease.close);
  }

  async peers(options: SignalOptions = {}): Promise<PeerInfo[]> {
    return await this.#send((responder) => ({ type: 'peers', responder }), options.signal);
  }

  async connect(peer: string, options: ConnectPeerOptions = {}): Promise<ConnectedPeer> {
    const { timeoutMs = defaults.connectTimeoutMs, signal } = options;
    return await this.#askAbout(
      peer,
      timeoutMs,
      signal,
      (about) => ({ type: 'connect', ...about }),
      (ref) => ({ type: 'connect/cancel', ref }),
    );
  }

  async disconnect(peer: string, options: SignalOptions = {}): Promise<number> {
    const target = this.#targets.of(peer);
    const ref = this.#nextRef();
    return await this.#send((responder) => ({ type: 'disconnect', ref, target, responder }), options.signal);
  }

  async status(options: SignalOptions = {}): Promise<NodeStatus> {
    return await this.#send((responder) => ({ type: 'status', responder }), options.signal);
  }

  async services(options: SignalOptions = {}): Promise<ServiceInfo[]> {
    return await this.#send((responder) => ({ type: 'services', responder }), options.signal);
  }

  async topics(options: SignalOptions = {}): Promise<TopicInfo[]> {
    return await this.#send((responder) => ({ type: 'topics', responder }), options.signal);
  }

  async routes(options: SignalOptions = {}): Promise<RouteInfo[]> {
    return await this.#send((responder) => ({ type: 'routes', responder }), options.signal);
  }

  async ping(peer: string, options: PingOptions = {}): Promise<PingResult> {
    const { timeoutMs = defaults.pingTimeoutMs, signal } = options;
    return await this.#askAbout(
      peer,
      timeoutMs,
      signal,
      (about) => ({ type: 'ping', ...about }),
      (ref) => ({ type: 'ping/cancel', ref }),
    );
  }

  async trace(peer: string, options: TraceOptions = {}): Promise<TraceResult> {
    const { timeoutMs = defaults.traceTimeoutMs, signal } = options;
    return await this.#askAbout(
      peer,
      timeoutMs,
      signal,
      (about) => ({ type: 'trace', ...about }),
      (ref) => ({ type: 'trace/cancel', ref }),
    );
  }

  /** One round through the loop and back: what `npm run bench -- loop` measures. */
  noop(): Promise<void> {
    const responder = new Responder<void>();
    if (!this.#inbox.offer({ type: 'noop', responder })) responder.reject(this.#refusal());
    return responder.promise;
  }

  async close(): Promise<void> {
    if (this.#leases.isClosed) return;
    const released = this.#leases.close();
    if (!this.#inbox.isClosed) this.#inbox.follow({ type: 'client/closed' });
    await released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ask(
    peer: string,
    payload: Uint8Array,
    options: AskOptions,
    answer: Settler<Uint8Array> | undefined,
    end: Settler<void> | undefined,
  ): number {
    const { service = '', idempotent, path } = options;
    checkText('a service', service);
    checkPayload(payload);
    const timeoutMs = checkTimeout(options.timeoutMs ?? defaults.requestTimeoutMs);
    const target = this.#targets.of(peer);
    const ref = this.#nextRef();
    this.#offer({ type: 'request', ref, target, service, payload, timeoutMs, idempotent, answer, end, path });
    return ref;
  }

  #askAbout<T>(
    peer: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    command: (about: AboutPeer<T>) => Command,
    cancel: (ref: number) => Command,
  ): Promise<T> {
    const about = {
      timeoutMs: checkTimeout(timeoutMs),
      target: this.#targets.of(peer),
      ref: this.#nextRef(),
    };
    return this.#send(
      (responder) => command({ ...about, responder }),
      signal,
      () => this.#inbox.follow(cancel(about.ref)),
    );
  }

  /** `cancel` is for a command that has something to call off: nobody hears how it settles later. */
  #send<T>(
    command: (responder: Responder<T>) => Command,
    signal?: AbortSignal,
    cancel: () => unknown = () => {},
  ): Promise<T> {
    signal?.throwIfAborted();
    const responder = new Responder<T>();
    this.#offer(command(responder));
    if (signal !== undefined) this.#onAbort(signal, responder, cancel);
    return responder.promise;
  }

  #offer(command: Command): void {
    if (this.#leases.isClosed || !this.#inbox.offer(command)) throw this.#refusal();
  }

  #refusal(): PeerdError {
    if (this.#leases.isClosed) return new PeerdError('stopped', 'the client was closed');
    if (this.#inbox.isClosed) return new PeerdError('stopped', 'the server was stopped');
    const { commands } = this.#inbox.waiting;
    return new PeerdError(
      'busy',
      `${commands} commands are waiting for the server: try again when some have been done`,
    );
  }

  /** Letting go is never refused, and stays behind what it lets go of; with the server gone there is nothing left. */
  async #release(command: (responder: Responder<void>) => Command): Promise<void> {
    if (this.#inbox.isClosed) return;
    const responder = new Responder<void>();
    this.#inbox.follow(command(responder));
    await responder.promise;
  }

  #onAbort(
    signal: AbortSignal,
    responder: { promise: Promise<unknown>; reject(error: unknown): void },
    cancel: () => unknown,
  ): void {
    const onAbort = () => {
      responder.reject(signal.reason);
      cancel();
    };
    const settled = () => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    responder.promise.then(settled, settled);
    if (signal.aborted) onAbort();
  }

  #hold(release: () => Promise<void>, signal: AbortSignal | undefined): Promise<Registration> {
    return this.#leases.hold(release, signal, () => this.#refusal());
  }

  #nextRef(): number {
    this.#lastRef += 1;
    return this.#lastRef;
  }
}
