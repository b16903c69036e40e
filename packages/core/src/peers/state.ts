import { type NodeStatus, PeerdError, type PeerInfo } from '@peerd/protocol';
import { Quota } from '../channel/quota.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { Dials } from './dials.ts';
import { ambiguous, closedEarly, itself, routedOnly, unknown } from './errors.ts';
import type { PeersInput, PeersOutput } from './messages.ts';
import { Names } from './names.ts';
import { inOrder, isAnyUsable, PeerRecord } from './record.ts';
import { Routed } from './routed.ts';
import { idsOf, type Target } from './target.ts';
import { type Waiter, Waiters } from './waiters.ts';

/** Peers that are remembered without being connected. The one heard of longest ago makes room. */
const MAX_KNOWN_PEERS = 10_000;

/**
 * Who is known, under which names, and how to get to them: it resolves what a caller means by a peer, picks a
 * connection that may be used, and has one dialled when there is none.
 */
export class PeersState implements Feature<PeersInput> {
  readonly handlers: Handlers<PeersInput>;
  addresses: readonly string[] = [];
  readonly #context: Context<PeersOutput>;
  readonly #self: { readonly id: string; readonly name: string };
  /** Peers of the configuration: they are known before they have been reached. */
  #configured: ReadonlySet<string>;
  readonly #peers = new Map<string, PeerRecord>();
  readonly #names: Names;
  readonly #waiters = new Waiters();
  /** Those whose target means nobody yet. */
  #unresolved = new Map<number, Waiter>();
  readonly #routed = new Routed();
  /** Whether a peer that nobody is known to lead to may be looked for through any neighbour. */
  readonly #fallsBack: boolean;
  readonly #dials = new Dials();
  #greetings = 0;
  /** What it counts is who was forgotten for another. */
  readonly #peersQuota = new Quota(
    'known peers',
    'items',
    () => MAX_KNOWN_PEERS,
    () => this.#peers.size,
  );
  readonly quotas: readonly Quota[] = [this.#dials.quota, this.#peersQuota];

  constructor(
    context: Context<PeersOutput>,
    self: { readonly id: string; readonly name: string },
    configured: readonly Target[] = [],
    fallsBack = false,
  ) {
    this.#context = context;
    this.#self = self;
    this.#names = new Names(self);
    this.#configured = idsOf(configured);
    this.#fallsBack = fallsBack;
    this.handlers = {
      peers: ({ responder }) => context.emit({ type: 'settle', responder, value: this.list() }),
      reconfigure: ({ peers }) => {
        this.#configured = idsOf(peers);
      },
      'node/listening': ({ addresses }) => {
        this.addresses = addresses;
      },
      'connection/opened': ({ connection, peer, address, direction }) => {
        const record = this.#record(peer);
        record.connections.set(connection, 'greeting');
        record.remotes.set(connection, { address, isDialled: direction === 'outbound' });
        record.refusal = undefined;
        this.#routed.dialled(peer);
        if (direction === 'outbound') record.learn([address]);
        this.#greetings += 1;
      },
      'connection/closed': ({ connection, peer }) => this.#closed(connection, peer),
      'peer/admitted': ({ connection, peer, kind, name, roles }) => {
        const record = this.#peers.get(peer);
        if (record?.connections.get(connection) !== 'greeting') return;
        if (record.usable === undefined) context.emit({ type: 'peer/came', peer, kind, name, roles });
        record.connections.set(connection, 'usable');
        this.#greetings -= 1;
        // A second connection without a hello takes nothing back of what the first one said.
        if (kind === 'peerd' || record.kind !== 'peerd') {
          record.kind = kind;
          this.#rename(record, name);
        }
        context.emit({ type: 'peer/remember', peer, name: record.name });
        for (const waiter of this.#waiters.take(peer)) this.#reached(waiter, record, connection);
        this.#resolveAgain();
      },
      'peer/refused': ({ connection, peer, error }) => {
        const record = this.#peers.get(peer);
        if (record?.connections.get(connection) !== 'greeting') return;
        record.connections.set(connection, 'refused');
        record.refusal = error;
        this.#greetings -= 1;
        if (!record.isOnTheWay)
          for (const waiter of this.#waiters.take(peer)) this.#fail(waiter, error, peer);
        this.#resolveAgain();
      },
      'peer/identified': ({ peer, addresses }) => {
        const record = this.#peers.get(peer);
        if (record !== undefined) record.learn(addresses);
      },
      'peer/remembered': ({ peers }) => {
        for (const { peer, name, addresses } of peers) {
          const record = this.#record(peer);
          record.learn(addresses);
          if (name !== undefined) this.#rename(record, name);
        }
      },
      'dht/added': ({ peer }) => {
        this.#record(peer).isInDht = true;
      },
      'dht/removed': ({ peer }) => {
        const record = this.#peers.get(peer);
        if (record === undefined) return;
        record.isInDht = false;
        // It was only known from the table.
        if (!record.isConnected && record.kind === undefined && !this.#waiters.has(peer))
          this.#forget(record);
      },
      'dial/done': ({ key, peer }) => {
        this.#dials.delete(key);
        const waiters = this.#waiters.take(key);
        // The connection itself was announced before: a greeting or its outcome is there. To dial once more is not
        // for us: libp2p hands out a connection that was refused as long as it is closing.
        const record = this.#peers.get(peer);
        if (peer === self.id || record?.isOnTheWay || record?.usable !== undefined)
          for (const waiter of waiters) this.#reachPeer(waiter, peer, undefined);
        else {
          const error = record?.refusal ?? closedEarly(peer);
          for (const waiter of waiters) this.#fail(waiter, error, peer);
        }
        this.#resolveAgain();
      },
      'dial/failed': ({ key, peer, message, isOurself }) => {
        this.#dials.delete(key);
        const error = new PeerdError('unreachable', `${key} can't be connected to: ${message}`);
        const waiters = this.#waiters.take(key);
        if (peer !== undefined && this.#peers.get(peer)?.isConnected) {
          // It came meanwhile: by another of its addresses, or by itself.
          for (const waiter of waiters) this.#reachPeer(waiter, peer, undefined);
        } else {
          if (peer !== undefined) this.#routed.dialFailed(peer, context.nowMs);
          for (const waiter of waiters)
            if (isOurself) this.#unreached(waiter.ref, error, isOurself);
            else this.#fail(waiter, error, peer);
          if (peer !== undefined) this.#lost(peer);
        }
        this.#resolveAgain();
      },
      'peer/reach': ({ ref, target, overRoutes = false }) => this.#reach({ ref, target, overRoutes }),
      'peer/resolve': ({ ref, target }) => {
        const peer = this.#meant(ref, target);
        if (peer !== undefined)
          context.emit({ type: 'peer/resolved', ref, peer, name: this.#names.of(peer) });
      },
      'route/found': ({ peer, name }) => {
        this.#routed.found(peer, name);
        this.#nameAnew(peer);
        for (const waiter of this.#waiters.of(peer)) this.#giveStart(waiter, peer);
        this.#resolveAgain();
      },
      'route/lost': ({ peer }) => {
        const forgotten = this.#routed.lost(peer);
        for (const one of [peer, forgotten]) if (one !== undefined) this.#nameAnew(one);
      },
      tick: () =>
        this.#routed.expire(context.nowMs, ({ ref, peer }) => {
          if (this.#routed.has(peer) && this.#waiters.remove(ref) !== undefined)
            context.emit({ type: 'peer/routed', ref, peer, error: undefined });
        }),
      'peer/part': ({ ref, target }) => this.#part(ref, target),
      'peer/leave': ({ ref }) => {
        this.#unresolved.delete(ref);
        this.#waiters.remove(ref);
      },
    };
  }

  /** Known peers, connected ones first, then by name and id. */
  list(): PeerInfo[] {
    return [...this.#peers.values()].map((record) => record.info()).sort(inOrder);
  }

  get nextTickMs(): number {
    return this.#routed.nextTickMs;
  }

  get counts(): NodeStatus['peers'] {
    let [connected, routed] = [0, 0];
    for (const record of this.#peers.values()) if (record.usable !== undefined) connected += 1;
    for (const peer of this.#routed.ids()) if (this.#peers.get(peer)?.usable === undefined) routed += 1;
    return { known: this.#peers.size, connected, routed };
  }

  snapshot(): unknown {
    return {
      addresses: this.addresses,
      peers: [...this.#peers.values()].map((record) => record.snapshot()),
      names: this.#names.snapshot(),
      waiting: this.#waiters.snapshot(),
      unresolved: [...this.#unresolved.keys()],
      routed: this.#routed.snapshot(),
      dials: this.#dials.snapshot(),
      greetings: this.#greetings,
    };
  }

  #reach(waiter: Waiter): void {
    const { target } = waiter;
    if (target.kind === 'id') return this.#reachPeer(waiter, target.peer, undefined);
    if (target.kind === 'address') {
      if (target.peer !== undefined) return this.#reachPeer(waiter, target.peer, target.address);
      return this.#dial(waiter, target.key, undefined, target.address);
    }
    const found = this.#bearersOf(target.key);
    const [only, second] = found;
    if (only !== undefined && second === undefined) return this.#reachPeer(waiter, only, undefined);
    if (only !== undefined) return this.#unreached(waiter.ref, ambiguous(target.key, found));
    // Whoever is being dialled or greeted may turn out to bear the name.
    if (this.#dials.size > 0 || this.#greetings > 0) this.#unresolved.set(waiter.ref, waiter);
    else this.#unreached(waiter.ref, unknown(target.key));
  }

  #part(ref: number, target: Target): void {
    const peer = this.#meant(ref, target);
    if (peer === undefined) return;
    const record = this.#peers.get(peer);
    if (record === undefined && !this.#configured.has(peer) && !this.#routed.has(peer))
      return this.#unreached(ref, unknown(target.key));
    const connections = [...(record?.connections.keys() ?? [])];
    this.#context.emit({ type: 'peer/parting', ref, peer, connections });
    for (const connection of connections) this.#context.emit({ type: 'connection/hang-up', connection });
  }

  /** The one that is meant, another than this node; else `ref` is told why there is none. */
  #meant(ref: number, target: Target): string | undefined {
    const found = this.#idsOf(target);
    const [peer, second] = found;
    if (peer === undefined) this.#unreached(ref, unknown(target.key));
    else if (second !== undefined) this.#unreached(ref, ambiguous(target.key, found));
    else if (peer === this.#self.id) this.#unreached(ref, itself(target.key));
    else return peer;
    return undefined;
  }

  #bearersOf(word: string): string[] {
    const found = this.#names.find(word, () => [...this.#peers.keys(), ...this.#routed.ids()]);
    if (found.length < 2) return found;
    const here = found.filter((peer) => !this.#routed.isLost(peer) || this.#peers.has(peer));
    return here.length > 0 ? here : found;
  }

  /** Who is meant, by what is known here: nobody is dialled to find out. */
  #idsOf(target: Target): string[] {
    if (target.kind === 'word') return this.#bearersOf(target.key);
    if (target.peer !== undefined) return [target.peer];
    const found = [];
    for (const record of this.#peers.values())
      if (record.isAt((target as { readonly address: string }).address)) found.push(record.id);
    return found;
  }

  #reachPeer(waiter: Waiter, peer: string, address: string | undefined): void {
    if (peer === this.#self.id) return this.#unreached(waiter.ref, itself(waiter.target.key), true);
    const record = this.#peers.get(peer);
    const connection = record?.usable;
    if (record !== undefined && connection !== undefined) return this.#reached(waiter, record, connection);
    if (record?.isOnTheWay) {
      this.#waiters.add(peer, waiter);
      return this.#giveStart(waiter, peer);
    }
    // libp2p would hand out the connection that is being closed.
    if (record?.isGoing) return this.#fail(waiter, record.refusal ?? closedEarly(peer), peer);
    const isDialable = address !== undefined || record?.isDialable === true;
    const isRouted = waiter.overRoutes && this.#routed.has(peer);
    if (isRouted && (!isDialable || this.#routed.isUndialable(peer, this.#context.nowMs)))
      return this.#context.emit({ type: 'peer/routed', ref: waiter.ref, peer, error: undefined });
    // By the address where there is one: what it leads to is not known before it has been tried.
    this.#dial(waiter, address ?? peer, peer, address);
  }

  #dial(waiter: Waiter, key: string, peer: string | undefined, address: string | undefined): void {
    if (!this.#dials.has(key) && this.#dials.isFull) {
      this.#dials.quota.refuse(this.#context);
      const message = `${key} was not dialled: ${this.#dials.size} dials are under way`;
      return this.#unreached(waiter.ref, new PeerdError('busy', message));
    }
    this.#waiters.add(key, waiter);
    if (peer !== undefined) this.#giveStart(waiter, peer);
    if (this.#dials.has(key)) return;
    this.#dials.add(key);
    this.#context.emit({ type: 'peer/dial', key, peer, address });
  }

  #resolveAgain(): void {
    const waiters = this.#unresolved;
    this.#unresolved = new Map();
    for (const waiter of waiters.values()) this.#reach(waiter);
  }

  #reached(waiter: Waiter, record: PeerRecord, connection: string): void {
    const kind = record.kind === 'other' ? 'other' : 'peerd';
    const { id: peer, name } = record;
    const address = record.dialableBy(connection);
    this.#context.emit({ type: 'peer/reached', ref: waiter.ref, peer, connection, kind, name, address });
  }

  /** Its call goes over others if there is no connection soon. */
  #giveStart({ ref, overRoutes }: Waiter, peer: string): void {
    if (overRoutes && this.#routed.has(peer)) this.#routed.giveStart(ref, peer, this.#context.nowMs);
  }

  /** There is no connection, and will be none. */
  #fail({ ref, target, overRoutes }: Waiter, error: PeerdError, peer: string | undefined): void {
    // Who refuses us, or we it, does so over others too.
    if (peer === undefined || error.code !== 'unreachable') return this.#unreached(ref, error);
    const isRouted = this.#routed.has(peer);
    if (overRoutes && (isRouted || (this.#fallsBack && isAnyUsable(this.#peers.values()))))
      this.#context.emit({ type: 'peer/routed', ref, peer, error });
    else
      this.#unreached(ref, isRouted ? routedOnly(error, target.kind === 'word' ? target.key : peer) : error);
  }

  #unreached(ref: number, error: PeerdError, isOurself?: true): void {
    this.#context.emit({ type: 'peer/unreached', ref, error, ...(isOurself ? { isOurself } : {}) });
  }

  #closed(connection: string, peer: string): void {
    const record = this.#peers.get(peer);
    const phase = record?.connections.get(connection);
    if (record === undefined || phase === undefined) return;
    record.connections.delete(connection);
    record.remotes.delete(connection);
    if (phase === 'greeting') this.#greetings -= 1;
    if (phase === 'usable' && record.usable === undefined)
      this.#context.emit({ type: 'peer/went', peer, name: record.name });
    if (!record.isOnTheWay && record.usable === undefined) {
      const error = record.refusal ?? closedEarly(peer);
      for (const waiter of this.#waiters.take(peer)) this.#fail(waiter, error, peer);
    }
    if (!record.isConnected) {
      this.#context.emit({ type: 'peer/disconnected', peer, name: record.name });
      // Somebody who never got in is not known: strangers must not push out those who did.
      if (
        record.kind === undefined &&
        record.name === undefined &&
        !record.isInDht &&
        !this.#waiters.has(peer)
      )
        this.#forget(record);
    }
    this.#resolveAgain();
  }

  /** It could not be dialled: it leaves the table, and with it its name. */
  #lost(peer: string): void {
    const record = this.#peers.get(peer);
    if (record !== undefined && !record.isConnected) this.#forget(record);
    this.#context.emit({ type: 'peer/dial-failed', peer });
  }

  #forget(record: PeerRecord): void {
    this.#peers.delete(record.id);
    this.#nameAnew(record.id);
  }

  #record(peer: string): PeerRecord {
    let record = this.#peers.get(peer);
    if (record === undefined) {
      if (this.#peers.size >= MAX_KNOWN_PEERS) this.#makeRoom();
      record = new PeerRecord(peer);
      this.#peers.set(peer, record);
    }
    return record;
  }

  #makeRoom(): void {
    for (const record of this.#peers.values())
      if (!record.isConnected) {
        this.#peersQuota.refuse(this.#context);
        this.#forget(record);
        return;
      }
  }

  #rename(record: PeerRecord, name: string | undefined): void {
    record.name = name;
    this.#nameAnew(record.id);
  }

  /** What it has said to us counts for more than what others pass on. */
  #nameAnew(peer: string): void {
    const name = this.#peers.get(peer)?.name ?? this.#routed.nameOf(peer);
    if (this.#names.set(peer, name)) this.#context.emit({ type: 'peer/names-changed' });
  }
}
