import { type NodeTop, PeerdError } from '@peerd/protocol';
import { routingSelf } from './adverts.ts';
import { GossipDriver } from './broadcast/driver.ts';
import { Inbox, type InboxLimits } from './channel/inbox.ts';
import { Responder } from './channel/responder.ts';
import { InProcessClient } from './client.ts';
import type { PeerConfig } from './config.ts';
import { type CallHandler, type DirectClient, settling } from './direct.ts';
import { DiscoveryDriver } from './discovery/driver.ts';
import { Dispatcher, HANDLER_SUBSCRIPTION } from './dispatcher.ts';
import { sealingSelf, sessionsSelf } from './ends.ts';
import { HelloDriver } from './hello/driver.ts';
import { encryptionKeyStatement } from './hello/proof.ts';
import { postEvents } from './host/events.ts';
import { hangUp } from './host/hang-up.ts';
import { watchListening } from './host/health.ts';
import { listenError } from './host/listen-error.ts';
import { createHost, dhtProtocol, type Host } from './host/node.ts';
import { encryptionKeyOf, privateKeyOf } from './identity.ts';
import { areaLog } from './log.ts';
import { keyOfPeer } from './peer-keys.ts';
import { PeersDriver } from './peers/driver.ts';
import { PingDriver } from './ping/driver.ts';
import { RequestDriver } from './request/driver.ts';
import { FallbackDriver } from './request/fallback.ts';
import { REQUEST_PROTOCOL } from './request/frames.ts';
import { type CoreConfig, NodeCore } from './server/core.ts';
import type { EventHandler } from './server/handler.ts';
import { lifeOf } from './server/life.ts';
import { type Command, type Drivers, type Event, type Output, payloadBytes } from './server/messages.ts';
import { Narrator } from './server/narrate.ts';
import { type Recorder, rejectQueued, ServerLoop } from './server/server.ts';
import { EVENT_HANDLER } from './services/messages.ts';
import { type Settings, settingsOf } from './settings.ts';
import { Subscriptions } from './subscriptions.ts';
import { Watchers } from './watchers.ts';

/** The two halves of a peer: the client sends commands, the server owns all state and does the work. */
export interface Peer {
  client: DirectClient;
  server: Server;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Sees all that the loop takes in, so that the run can be replayed. */
  recorder?: Recorder;
}

export interface Server {
  /** The peer id, known before the server runs. */
  readonly id: string;
  /** Registers the handler of inbound requests and broadcasts. A second one fails with `invalid`. */
  setEventHandler(handler: EventHandler): void;
  /**
   * Listens, and serves until `signal` is aborted; resolves when everything is closed. Commands sent before
   * wait for it. When it ends, every open call has settled with `stopped`. It can be run once.
   *
   * Fails with `invalid` when an address can't be listened on (port in use, no such interface), `internal` when the
   * network stack fails: when nothing listens any more.
   */
  run(options?: RunOptions): Promise<void>;
  /**
   * Prepares for the end: what is asked for from now on fails with `stopped`, by peers too; resolves when no call is in
   * flight, or when the server has ended.
   */
  drain(): Promise<void>;
  /**
   * Takes over from another configuration what can change while the server runs, and ignores the rest: `allow`, `deny`,
   * `peers`, `services`, `bootstrapIntervalMs` and `limits` but for `maxPayloadBytes`. Who may no longer be here is
   * disconnected; who may no longer ask a service is refused, also while waiting for a handler.
   * Fails with `invalid` on a configuration that can't work, with `stopped` when the server has ended.
   */
  reconfigure(config: Omit<PeerConfig, 'secret' | 'name'>): Promise<void>;
}

/** As many as a key of the strongest cipher in use. */
const ENTROPY_BYTES = 32;

/** Fails with `invalid` on a configuration that can't work, naming the key. */
export async function createPeer(config: PeerConfig): Promise<Peer> {
  const settings = settingsOf(config);
  const privateKey = await privateKeyOf(config.secret);
  const host = await createHost(settings, privateKey);
  const keys = encryptionKeyOf(config.secret);
  const { publicKey: encryptionKey } = keys;
  const id = host.node.peerId.toString();
  const self = {
    id,
    name: settings.name,
    features: [REQUEST_PROTOCOL],
    encryptionKey,
    encryptionKeySignature: await privateKey.sign(encryptionKeyStatement(encryptionKey)),
    publicKeyOf: keyOfPeer,
  };
  const routing = routingSelf(settings, id, config.secret, encryptionKey);
  const server = new PeerServer(settings, host, {
    self,
    version: settings.version,
    policy: settings.policy,
    discovery: {
      isOn: settings.isDiscoveryOn,
      dhtProtocol: dhtProtocol(settings.compat),
      profile: settings.profile,
      peers: settings.peers,
      firstBootstrapMs: settings.firstBootstrapMs,
      bootstrapIntervalMs: settings.bootstrapIntervalMs,
    },
    ping: settings.ping,
    routing,
    sessions: sessionsSelf(self, settings.policy, keys, routing.firstSequence),
    routingSettings: settings.routing,
    sealing: sealingSelf(settings.policy, id, config.secret, keys, routing.firstSequence),
    limits: settings.limits,
    services: settings.services,
    entropy: crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES)),
    seed: crypto.getRandomValues(new Int32Array(4)) as unknown as CoreConfig['seed'],
  });
  return { client: server.client, server };
}

class PeerServer implements Server {
  readonly id: string;
  readonly client: InProcessClient;
  readonly #settings: Settings;
  readonly #host: Host;
  readonly #config: CoreConfig;
  readonly #dispatcher: Dispatcher;
  readonly #inbox: Inbox<Event, Command>;
  readonly #inboxLimits: InboxLimits;
  readonly #post: (event: Event) => void;
  readonly #subscriptions = new Subscriptions();
  readonly #watchers = new Watchers();
  #loop: ServerLoop | undefined;
  #request: RequestDriver | undefined;
  #gossip: GossipDriver | undefined;
  /** Whether a service has been handled: then there is no event handler. */
  #isServing = false;
  #hasRun = false;

  constructor(settings: Settings, host: Host, config: CoreConfig) {
    this.id = config.self.id;
    this.#settings = settings;
    this.#host = host;
    this.#config = config;
    const { maxQueuedCommands, maxQueuedBytes } = settings.limits;
    this.#inboxLimits = { maxCommands: maxQueuedCommands, maxCommandBytes: maxQueuedBytes };
    const inbox = new Inbox<Event, Command>(this.#inboxLimits, payloadBytes);
    this.#inbox = inbox;
    this.#post = (event) => inbox.post(event);
    this.#dispatcher = new Dispatcher(this.#post, settings.log);
    this.#subscriptions.add(HANDLER_SUBSCRIPTION, this.#dispatcher.broadcasts);
    this.client = new InProcessClient(inbox, {
      handlers: {
        add: (ref, handler) => this.#serve(ref, handler),
        remove: (ref) => this.#dispatcher.handlers.delete(ref),
      },
      subscriptions: this.#subscriptions,
      watchers: this.#watchers,
      load: () => this.#load(),
    });
  }

  setEventHandler(handler: EventHandler): void {
    const { handlers, eventHandler } = this.#dispatcher;
    if (eventHandler !== undefined)
      throw new PeerdError('invalid', 'an event handler has been set already: a server takes one, once');
    if (this.#isServing)
      throw new PeerdError(
        'invalid',
        'services are handled through client.handle: use either that or setEventHandler',
      );
    this.#dispatcher.eventHandler = handler;
    handlers.set(
      EVENT_HANDLER,
      settling((request) => handler.handleRequest(request)),
    );
    this.#post({ type: 'service/event-handler' });
  }

  async run(options: RunOptions = {}): Promise<void> {
    if (this.#hasRun) throw new PeerdError('invalid', 'the server has been run: make a new peer');
    this.#hasRun = true;
    const { log } = this.#settings;
    const narrator = new Narrator(log);
    const stopEvents = postEvents(this.#host, this.#post);
    const { effects, start } = this.#drivers();
    const core = new NodeCore(this.#config, performance.now(), (output) => {
      const life = lifeOf(output);
      if (life !== undefined) this.#watchers.tell(life);
      try {
        narrator.tell(output, life);
      } catch {
        // A log that fails must not end what it tells of.
      }
      carryOut(effects, output);
    });
    const stop = () => this.#inbox.close();
    let stopWatch = () => {};
    let fault: PeerdError | undefined;
    try {
      await start();
      await this.#listen();
      stopWatch = watchListening(this.#host, (error) => {
        fault = error;
        stop();
      });
      options.signal?.addEventListener('abort', stop);
      if (options.signal?.aborted) stop();
      // Ends with its queue, which closes below. Nobody waits for it: a handler may hang in a broadcast.
      void this.#dispatcher.runBroadcasts();
      this.#loop = new ServerLoop(
        this.#inbox,
        core,
        { now: () => performance.now(), date: () => Date.now() },
        options.recorder,
        this.#settings.isTurnWhole,
      );
      await this.#loop.run();
      if (fault !== undefined) throw fault;
    } finally {
      stopWatch();
      options.signal?.removeEventListener('abort', stop);
      stop();
      rejectQueued(this.#inbox);
      this.#subscriptions.end();
      this.#watchers.end();
      stopEvents();
      await hangUp(this.#host.node);
      await this.#host.node.stop();
    }
  }

  drain(): Promise<void> {
    return this.#follow((responder) => ({ type: 'drain', responder })).catch(() => {});
  }

  async reconfigure(config: Omit<PeerConfig, 'secret' | 'name'>): Promise<void> {
    const { name, limits: before } = this.#settings;
    // The secret can't change, and to derive its key takes 50 ms.
    const { networkSecret, ...checked } = config;
    const settings = settingsOf({ ...checked, name, secret: new Uint8Array() });
    const { policy, peers, services, bootstrapIntervalMs } = settings;
    const limits = { ...settings.limits, maxPayloadBytes: before.maxPayloadBytes };
    await this.#follow((responder) => ({
      type: 'reconfigure',
      allow: [...policy.allow],
      deny: [...policy.deny],
      peers,
      bootstrapIntervalMs,
      limits,
      services,
      responder,
    }));
    this.#inboxLimits.maxCommands = limits.maxQueuedCommands;
    this.#inboxLimits.maxCommandBytes = limits.maxQueuedBytes;
  }

  /** A command of the program that runs the server: its queue is never full. */
  async #follow(command: (responder: Responder<void>) => Command): Promise<void> {
    if (this.#inbox.isClosed) throw new PeerdError('stopped', 'the server was stopped');
    const responder = new Responder<void>();
    this.#inbox.follow(command(responder));
    await responder.promise;
  }

  async #listen(): Promise<void> {
    const { node } = this.#host;
    try {
      await node.start();
    } catch (error) {
      throw listenError(this.#settings.listen, error);
    }
    const addresses = node.getMultiaddrs().map((address) => address.toString());
    this.#post({ type: 'node/listening', addresses });
    if (this.#settings.topics.length > 0) {
      const subscribed = new Responder<void>();
      const { topics } = this.#settings;
      this.#inbox.offer({ type: 'subscribe', ref: HANDLER_SUBSCRIPTION, topics, responder: subscribed });
      subscribed.promise.catch((error: Error) =>
        areaLog(this.#settings.log, 'broadcast').error(`topics: ${error.message}`),
      );
    }
  }

  /** Of what is beside the state. */
  #load(): Pick<NodeTop, 'loop' | 'queues'> {
    // Asked for by a command, so that the loop has taken one.
    const { loop, queues } = (this.#loop as ServerLoop).load;
    const drivers = [this.#request, this.#gossip].flatMap((driver) => driver?.load ?? []);
    return { loop, queues: [...queues, ...drivers] };
  }

  #serve(ref: number, handler: CallHandler): void {
    if (this.#dispatcher.eventHandler !== undefined)
      throw new PeerdError('invalid', 'an event handler has been set: use either that or client.handle');
    this.#isServing = true;
    this.#dispatcher.handlers.set(ref, handler);
  }

  #drivers(): { effects: Drivers; start: () => Promise<void> } {
    const { log, limits } = this.#settings;
    const hello = new HelloDriver(this.#host, this.#post);
    const request = new RequestDriver(this.#host, this.#post);
    this.#request = request;
    const gossip = new GossipDriver(this.#host, this.#post, limits.maxPayloadBytes);
    this.#gossip = gossip;
    const fallback = new FallbackDriver(this.#host, this.#post, limits.maxPayloadBytes);
    const peers = new PeersDriver(this.#host, this.#post, areaLog(log, 'peers'));
    return {
      effects: {
        settle: ({ responder, value }) => responder.resolve(value),
        fail: ({ responder, error }) => responder.reject(error),
        ...hello.effects,
        ...request.effects,
        ...fallback.effects,
        ...peers.effects,
        ...this.#dispatcher.effects,
        ...this.client.effects,
        ...this.#subscriptions.effects,
        ...gossip.effects,
        ...new DiscoveryDriver(this.#host, areaLog(log, 'discovery')).effects,
        ...new PingDriver(this.#host, this.#post).effects,
      },
      start: async () => {
        await Promise.all([hello.start(), request.start(), fallback.start()]);
        if (this.#settings.isDiscoveryOn) await peers.start();
      },
    };
  }
}

function carryOut(drivers: Drivers, output: Output): void {
  (drivers as Record<string, ((effect: never) => void) | undefined>)[output.type]?.(output as never);
}
