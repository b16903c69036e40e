import type { AskOptions, CallHandler, DirectClient, Settler } from '@peerd/core';
import {
  type BroadcastMessage,
  type BroadcastOptions,
  type BroadcastResult,
  type ConnectedPeer,
  defaults,
  type IterablePromise,
  iterablePromise,
  MessageQueue,
  type NodeStatus,
  type NodeTop,
  PeerdError,
  type PeerInfo,
  type PeerRef,
  type PingResult,
  QueuedSubscription,
  type Registration,
  type RequestHandler,
  type RequestOptions,
  type RouteInfo,
  type ServiceInfo,
  type SubscribeOptions,
  type Subscription,
  type TopicInfo,
  type TraceOptions,
  type TraceResult,
  type Watch,
} from '@peerd/protocol';

const maxPayloadBytes = 16 * 1024 * 1024;

/** Nodes that reach each other by function calls: what the control server needs of core, without a network. */
export class FakeNetwork {
  readonly nodes = new Map<string, FakeNode>();

  add(name: string): FakeNode {
    const node = new FakeNode(this, `12D3KooWfake${name.padEnd(8, 'x')}${this.nodes.size}`, name);
    this.nodes.set(node.id, node);
    return node;
  }

  find(target: string): FakeNode {
    if (target.startsWith('/')) throw new PeerdError('invalid', `${target} is not a multiaddr`);
    for (const node of this.nodes.values())
      if (node.name === target || node.id.startsWith(target)) return node;
    throw new PeerdError('unknown-peer', `no peer ${target} is known`);
  }
}

interface Listener {
  topics: readonly string[];
  queue: MessageQueue;
}

export class FakeNode implements DirectClient {
  readonly id: string;
  readonly name: string;
  readonly handlers = new Map<string, RequestHandler[]>();
  readonly listeners = new Set<Listener>();
  readonly #network: FakeNetwork;
  readonly #stopped = new AbortController();
  readonly #leaving: (() => void)[] = [];
  readonly #asks = new Map<number, AbortController>();
  #lastAsk = 0;

  constructor(network: FakeNetwork, id: string, name: string) {
    this.#network = network;
    this.id = id;
    this.name = name;
  }

  async request(peer: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return await this.#call(peer, payload, options, async (outcome) => {
      if (!(outcome instanceof Uint8Array))
        throw new PeerdError('invalid', 'the service answers with a stream');
      options.onPath?.(this.#pathTo(peer));
      return outcome;
    });
  }

  ask(peer: string, payload: Uint8Array, options: AskOptions, answer: Settler<Uint8Array>): number {
    const { service = '', timeoutMs = defaults.requestTimeoutMs, path } = options;
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    const controller = new AbortController();
    this.#asks.set(ask, controller);
    const onPath = (passed: readonly PeerRef[]) => path?.resolve(passed);
    this.request(peer, payload, { service, timeoutMs, signal: controller.signal, onPath })
      .finally(() => this.#asks.delete(ask))
      .then(
        (bytes) => answer.resolve(bytes),
        (error) => {
          path?.reject(error);
          answer.reject(error);
        },
      );
    return ask;
  }

  /** All of a fake network are neighbours. */
  #pathTo(peer: string): PeerRef[] {
    const { id, name } = this.#network.find(peer);
    return [{ peer: id, name }];
  }

  cancel(ask: number): void {
    this.#asks.get(ask)?.abort(new PeerdError('stopped', 'the call was cancelled'));
  }

  serve(service: string, handler: CallHandler): Promise<Registration> {
    return this.handle(service, (request) => {
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | AsyncIterable<Uint8Array>>();
      const giveBack = () => reject(new PeerdError('no-handler', 'the handler did not take it'));
      const call: Parameters<CallHandler>[0] = { ...request, resolve, reject, giveBack, onAbort: undefined };
      request.signal.addEventListener('abort', () => call.onAbort?.(request.signal.reason));
      handler(call);
      return promise;
    });
  }

  async *requestStream(
    peer: string,
    payload: Uint8Array,
    options: RequestOptions = {},
  ): AsyncGenerator<Uint8Array> {
    const leave = new AbortController();
    const signals = [leave.signal, ...(options.signal ? [options.signal] : [])];
    try {
      const outcome = await this.#call(
        peer,
        payload,
        { ...options, signal: AbortSignal.any(signals) },
        async (each) => each,
        true,
      );
      options.onPath?.(this.#pathTo(peer));
      if (outcome instanceof Uint8Array) yield outcome;
      else yield* outcome;
    } finally {
      leave.abort(new Error('the reader left'));
    }
  }

  async #call<T>(
    peer: string,
    payload: Uint8Array,
    { service = '', timeoutMs = defaults.requestTimeoutMs, signal }: RequestOptions,
    finish: (outcome: Uint8Array | AsyncIterable<Uint8Array>) => Promise<T>,
    goesOn = false,
  ): Promise<T> {
    signal?.throwIfAborted();
    this.#stopped.signal.throwIfAborted();
    if (payload.length > maxPayloadBytes)
      throw new PeerdError('too-large', `${payload.length} bytes are over the limit of ${maxPayloadBytes}`);
    const node = this.#network.find(peer);
    const handlers = node.handlers.get(service) ?? [];
    const handler = handlers.shift();
    if (handler === undefined) throw new PeerdError('no-handler', `${node.name} does not handle ${service}`);
    handlers.push(handler);
    const controller = new AbortController();
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    const end = (reason: unknown) => {
      controller.abort(new PeerdError('stopped', 'the caller left'));
      ended.reject(reason);
    };
    const timer = setTimeout(() => end(new PeerdError('timeout', 'no answer in time')), timeoutMs);
    const stopped = () => end(this.#stopped.signal.reason);
    this.#stopped.signal.addEventListener('abort', stopped, { once: true });
    signal?.addEventListener('abort', () => end(signal.reason), { once: true });
    const request = { peer: this.id, peerName: this.name, service, payload, signal: controller.signal };
    try {
      const outcome = (async () => await handler(request))();
      outcome.catch(() => {});
      return await finish(await Promise.race([outcome, ended.promise]));
    } finally {
      if (!goesOn) clearTimeout(timer);
      else timer.unref();
    }
  }

  async handle(service: string, handler: RequestHandler): Promise<Registration> {
    this.#stopped.signal.throwIfAborted();
    this.handlers.set(service, [...(this.handlers.get(service) ?? []), handler]);
    const close = async () => {
      const left = (this.handlers.get(service) ?? []).filter((each) => each !== handler);
      if (left.length === 0) this.handlers.delete(service);
      else this.handlers.set(service, left);
    };
    return { close, [Symbol.asyncDispose]: close };
  }

  async broadcast(
    topic: string,
    payload: Uint8Array,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    this.#stopped.signal.throwIfAborted();
    const heard = [...this.#network.nodes.values()].filter(
      (node) => node !== this && [...node.listeners].some(({ topics }) => topics.includes(topic)),
    );
    if (heard.length === 0 && !options.allowNone) throw new PeerdError('no-peers', `nobody hears ${topic}`);
    for (const node of heard) node.hear({ topic, from: this.id, payload, missed: 0 });
    return { peers: heard.length };
  }

  hear(message: BroadcastMessage): void {
    for (const { topics, queue } of this.listeners) if (topics.includes(message.topic)) queue.push(message);
  }

  subscribe(
    topics: string | readonly string[],
    options: SubscribeOptions = {},
  ): IterablePromise<Subscription> {
    return iterablePromise(this.#subscribe(topics, options));
  }

  async #subscribe(topics: string | readonly string[], options: SubscribeOptions): Promise<Subscription> {
    this.#stopped.signal.throwIfAborted();
    const list = typeof topics === 'string' ? [topics] : topics;
    if (list.includes('')) throw new PeerdError('invalid', 'a topic needs a name');
    const queue = new MessageQueue(options.maxQueued ?? defaults.maxQueuedMessages);
    const listener = { topics: list, queue };
    this.listeners.add(listener);
    return new QueuedSubscription(list, queue, async () => {
      this.listeners.delete(listener);
      for (const tell of this.#leaving.splice(0)) tell();
    });
  }

  /** Resolves when the next subscription is closed. */
  left(): Promise<void> {
    return new Promise((resolve) => this.#leaving.push(resolve));
  }

  async peers(): Promise<PeerInfo[]> {
    return [...this.#network.nodes.values()]
      .filter((node) => node !== this)
      .map(({ id, name }) => ({ id, name, connected: true, kind: 'peerd', inDht: false, addresses: [] }));
  }

  async status(): Promise<NodeStatus> {
    this.#stopped.signal.throwIfAborted();
    const known = this.#network.nodes.size - 1;
    return {
      id: this.id,
      name: this.name,
      network: 'fake',
      version: '0.0.0',
      addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${this.id}`],
      peers: { known, connected: known, routed: 0 },
      topics: [...this.listeners].flatMap(({ topics }) => topics),
      services: [...this.handlers.keys()],
      routing: { strategy: 'table', forward: 'network' },
      unreached: [],
      uptimeMs: 1,
    };
  }

  async connect(peer: string): Promise<ConnectedPeer> {
    const { id, name } = this.#network.find(peer);
    return { peer: id, name };
  }

  /** All of a fake network are always connected. */
  async disconnect(peer: string): Promise<number> {
    this.#network.find(peer);
    return 0;
  }

  async top(): Promise<NodeTop> {
    throw new PeerdError('invalid', 'a fake node has no loop to look into');
  }

  watch(): IterablePromise<Watch> {
    return iterablePromise(Promise.reject(new PeerdError('invalid', 'nothing happens to a fake node')));
  }

  async services(): Promise<ServiceInfo[]> {
    return [...this.handlers].map(([service, handlers]) => ({
      service,
      handlers: handlers.length,
      access: 'open',
      inFlight: 0,
      waiting: 0,
    }));
  }

  /** Nobody is connected here. */
  async routes(): Promise<RouteInfo[]> {
    return [];
  }

  async topics(): Promise<TopicInfo[]> {
    const heard = [...this.listeners].flatMap(({ topics }) => topics);
    return [...new Set(heard)].map((topic) => ({
      topic,
      subscriptions: heard.filter((each) => each === topic).length,
      peers: 0,
    }));
  }

  async ping(peer: string): Promise<PingResult> {
    return { peer: this.#network.find(peer).id, rttMs: 0.1, routed: false };
  }

  async trace(peer: string, _options?: TraceOptions): Promise<TraceResult> {
    const { id, name } = this.#network.find(peer);
    return { peer: id, name, hops: [{ hop: 1, peer: id, name, rttMs: 0.1 }] };
  }

  async close(): Promise<void> {
    this.#stopped.abort(new PeerdError('stopped', 'the node was stopped'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
