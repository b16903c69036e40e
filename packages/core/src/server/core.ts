import { type NodeStatus, PeerdError } from '@peerd/protocol';
import { BroadcastState } from '../broadcast/state.ts';
import { Quota } from '../channel/quota.ts';
import type { Limits, RoutingSettings, ServiceRules } from '../config.ts';
import { ConnectionsState } from '../connections/state.ts';
import { type DiscoveryConfig, DiscoveryState } from '../discovery/state.ts';
import { Entropy } from '../entropy.ts';
import { ForwardingState } from '../forwarding/state.ts';
import type { Policy } from '../hello/policy.ts';
import { type HelloSelf, HelloState } from '../hello/state.ts';
import { PeersState } from '../peers/state.ts';
import { type PingConfig, PingState } from '../ping/state.ts';
import { RequestState } from '../request/state.ts';
import { type RoutingSelf, RoutingState } from '../routing/state.ts';
import { type SealingSelf, SealingState } from '../sealing/state.ts';
import { ServicesState } from '../services/state.ts';
import type { SessionsSelf } from '../sessions/handshakes.ts';
import { SessionsState } from '../sessions/state.ts';
import { TraceState } from '../trace/state.ts';
import type { Context, Feature, Message } from './feature.ts';
import type { Drain, Reconfigure } from './inputs.ts';
import { type Command, type CoreTop, type Input, type Output, reject } from './messages.ts';
import { seededRandom } from './random.ts';

/** What `top` calls the queue into the loop. */
export const COMMANDS_QUEUE = 'commands';
export const COMMAND_BYTES_QUEUE = 'bytes of commands';

export interface CoreConfig {
  readonly self: HelloSelf;
  readonly version: string;
  readonly policy: Policy;
  readonly discovery: DiscoveryConfig;
  readonly ping: PingConfig;
  readonly routing: RoutingSelf;
  readonly sessions: SessionsSelf;
  readonly routingSettings: RoutingSettings;
  readonly sealing: SealingSelf;
  readonly limits: Limits;
  /** Who may ask which service, on top of what its registrations say. */
  readonly services: ServiceRules;
  /**
   * 32 bytes, from which all randomness of sessions with other ends comes: whoever has them can read those. They are
   * overwritten when a run begins that is not recorded.
   */
  readonly entropy: Uint8Array;
  /** Four 32-bit integers. */
  readonly seed: readonly [number, number, number, number];
}

/**
 * Times that one turn goes over the links again for what writing to others has put there: what goes to a peer over several
 * hops is on its link to the neighbour after one.
 */
const FLUSH_ROUNDS = 3;

/** References that features make for themselves count down from here; those of clients count up. */
const FIRST_INTERNAL_REF = -1;

/** The commands that begin something, which a node that is stopping does not take. */
const beginnings: ReadonlySet<Input['type']> = new Set([
  'request',
  'broadcast',
  'subscribe',
  'handle',
  'ping',
  'trace',
  'connect',
]);

/**
 * The whole state of a node and every rule by which it changes, without clock, randomness or I/O of its own:
 * the same inputs at the same times give the same outputs and the same state.
 */
export class NodeCore implements Context<Output> {
  nowMs = 0;
  readonly random: () => number;
  readonly config: CoreConfig;
  readonly startedMs: number;
  readonly #carryOut: (effect: Output) => void;
  readonly #peers: PeersState;
  readonly #services: ServicesState;
  readonly #broadcast: BroadcastState;
  readonly #request: RequestState;
  readonly #discovery: DiscoveryState;
  readonly #sessions: SessionsState;
  readonly #features: Record<string, Feature<never>>;
  /** Every message that a feature handles, and what it does. */
  readonly #dispatch: ReadonlyMap<string, (message: Message) => void>;
  /** This run's own: they can be changed, and the configuration is kept as it was for a replay. */
  readonly #limits: Limits;
  /** Who waits for the calls in flight to end, once nothing new is taken. */
  #drains: Drain['responder'][] | undefined;
  /** They only tell: the inbox itself is the loop's. */
  readonly #commandQuotas = {
    items: new Quota(
      COMMANDS_QUEUE,
      'items',
      () => this.#limits.maxQueuedCommands,
      () => 0,
    ),
    bytes: new Quota(
      COMMAND_BYTES_QUEUE,
      'bytes',
      () => this.#limits.maxQueuedBytes,
      () => 0,
    ),
  };
  #outputs: Output[] = [];
  #lastRef = FIRST_INTERNAL_REF + 1;

  constructor(config: CoreConfig, startedMs: number, carryOut: (effect: Output) => void) {
    this.config = config;
    this.startedMs = startedMs;
    this.#carryOut = carryOut;
    this.nowMs = startedMs;
    this.random = seededRandom(config.seed);
    const makeRef = () => {
      this.#lastRef -= 1;
      return this.#lastRef;
    };
    this.#peers = new PeersState(
      this,
      config.self,
      config.discovery.peers,
      config.routingSettings.randomFallback,
    );
    this.#services = new ServicesState(this, config.services);
    this.#limits = { ...config.limits };
    this.#broadcast = new BroadcastState(this, this.#limits, makeRef);
    this.#request = new RequestState(this, this.#limits);
    this.#discovery = new DiscoveryState(this, config.discovery, makeRef);
    const entropy = new Entropy(config.entropy);
    const { routingSettings } = config;
    const routing = new RoutingState(this, config.routing, routingSettings, makeRef);
    this.#sessions = new SessionsState(this, config.sessions, routing, entropy);
    this.#features = {
      hello: new HelloState(this, config.self, config.policy, routingSettings),
      peers: this.#peers,
      connections: new ConnectionsState(this),
      services: this.#services,
      ping: new PingState(this, config.ping),
      request: this.#request,
      routing,
      sealing: new SealingState(this, config.sealing, routing, entropy),
      forwarding: new ForwardingState(this, config.self.id, routingSettings, routing),
      sessions: this.#sessions,
      trace: new TraceState(this, config.sealing, routing, entropy),
      broadcast: this.#broadcast,
      discovery: this.#discovery,
    };
    this.#dispatch = merge([...Object.values(this.#features), { handlers: this.#own }]);
  }

  /** Commands that belong to the node as a whole. */
  readonly #own = {
    status: ({ responder }: Extract<Input, { type: 'status' }>) =>
      this.emit({ type: 'settle', responder, value: this.#status() }),
    top: ({ responder }: Extract<Input, { type: 'top' }>) =>
      this.emit({ type: 'settle', responder, value: this.#top() }),
    'loop/refused': ({ unit, times }: Extract<Input, { type: 'loop/refused' }>) =>
      this.#commandQuotas[unit].refuse(this, times),
    noop: ({ responder }: Extract<Input, { type: 'noop' }>) =>
      this.emit({ type: 'settle', responder, value: undefined }),
    drain: ({ responder }: Drain) => {
      this.#drains ??= [];
      this.#drains.push(responder);
    },
    reconfigure: ({ limits, responder }: Reconfigure) => {
      Object.assign(this.#limits, limits);
      this.emit({ type: 'settle', responder, value: undefined });
    },
  };

  emit(output: Output): void {
    this.#outputs.push(output);
  }

  /** Takes one input, and whatever the features have to tell each other because of it. */
  step(input: Input): void {
    if (this.#drains !== undefined && beginnings.has(input.type))
      reject(
        input as Command,
        new PeerdError('stopped', `${this.config.self.name} is stopping: it takes no more calls`),
      );
    else this.#dispatch.get(input.type)?.(input);
    this.#settleOutputs();
  }

  /** Ends a turn: sends together what it has queued. True: there is more to send. */
  flush(): boolean {
    this.#broadcast.flush();
    const hasMore = this.#flushRequests();
    if (this.#drains !== undefined && this.#request.isIdle) {
      this.#drained();
      this.#settleOutputs();
    }
    return hasMore;
  }

  stop(): void {
    for (const feature of Object.values(this.#features)) feature.stop?.();
    this.#drained();
    this.#settleOutputs();
    // After everybody here: should a fault have ended the loop, and this fail too, only peers wait for nothing.
    this.#flushRequests();
    this.#sessions.close();
    this.#settleOutputs();
    this.#flushRequests();
  }

  /** When the next tick is due. */
  get nextTickMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const name in this.#features) {
      const tick = this.#features[name]?.nextTickMs;
      if (tick !== undefined && tick < next) next = tick;
    }
    return next;
  }

  snapshot(): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(this.#features).map(([name, feature]) => [name, feature.snapshot()]),
    );
  }

  #settleOutputs(): void {
    for (let i = 0; i < this.#outputs.length; i += 1) {
      const output = this.#outputs[i] as Output;
      this.#dispatch.get(output.type)?.(output);
      this.#carryOut(output);
    }
    if (this.#outputs.length > 0) this.#outputs = [];
  }

  /** What is written to one link can be for another one: a packet on its way through it. */
  #flushRequests(): boolean {
    let hasMore = this.#request.flush();
    this.#settleOutputs();
    for (let round = 0; round < FLUSH_ROUNDS && this.#request.isTouched; round += 1) {
      hasMore = this.#request.flushTouched();
      this.#settleOutputs();
    }
    return hasMore || this.#request.isTouched;
  }

  #drained(): void {
    for (const responder of this.#drains?.splice(0) ?? [])
      this.emit({ type: 'settle', responder, value: undefined });
  }

  #top(): CoreTop {
    return {
      uptimeMs: Math.round(this.nowMs - this.startedMs),
      calls: this.#request.inFlight,
      queues: Object.values(this.#features).flatMap(({ quotas = [] }) => quotas.map(({ info }) => info)),
      counters: Object.values(this.#features).flatMap(({ counters = [] }) => counters),
    };
  }

  #status(): NodeStatus {
    const { self, policy, routingSettings, version } = this.config;
    return {
      id: self.id,
      name: self.name,
      network: policy.network,
      version,
      addresses: this.#peers.addresses,
      peers: this.#peers.counts,
      topics: this.#broadcast.topics,
      services: this.#services.names,
      routing: { strategy: routingSettings.strategy, forward: routingSettings.forward },
      unreached: this.#discovery.unreached,
      uptimeMs: Math.round(this.nowMs - this.startedMs),
    };
  }
}

/** One map of all handlers; where several features handle a message they do it in order. */
function merge(features: readonly { handlers: object }[]): Map<string, (message: Message) => void> {
  const merged = new Map<string, (message: Message) => void>();
  for (const { handlers } of features)
    for (const [type, handle] of Object.entries(handlers) as [string, (message: Message) => void][]) {
      const earlier = merged.get(type);
      merged.set(
        type,
        earlier === undefined
          ? handle
          : (message) => {
              earlier(message);
              handle(message);
            },
      );
    }
  return merged;
}
