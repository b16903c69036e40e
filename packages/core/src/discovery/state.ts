import type { PeerdError, UnreachedPeer } from '@peerd/protocol';
import { Deadlines } from '../channel/deadlines.ts';
import type { Profile } from '../config.ts';
import type { Target } from '../peers/target.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { shareable } from './addresses.ts';
import type { DiscoveryInput, DiscoveryOutput } from './messages.ts';

export interface DiscoveryConfig {
  readonly isOn: boolean;
  /** What peers of the same DHT speak. */
  readonly dhtProtocol: string;
  readonly profile: Profile;
  /** Peers that a connection is kept to. */
  readonly peers: readonly Extract<Target, { kind: 'address' }>[];
  readonly firstBootstrapMs: number;
  readonly bootstrapIntervalMs: number;
}

/** First pause before a configured peer is dialled again; it doubles with each failure, up to the last. */
const FIRST_REDIAL_MS = 500;
const LAST_REDIAL_MS = 60_000;

/** A connection that lasted this long was a success: a peer that lets us in and closes at once is a failure. */
const LASTING_MS = 10_000;

/** A peer of the table whose connection has gone is dialled within this time: it answers or it leaves. */
const CHECK_WITHIN_MS = 2_000;

/** Peers of an earlier run that are dialled at the start, spread over the time below. */
export const MAX_REMEMBERED = 64;
const REMEMBERED_WITHIN_MS = 1_000;

/** Peers that stay undialled because a user has disconnected them; the one of longest ago is forgotten. */
const MAX_PARTED = 1_024;

interface Kept {
  readonly target: Extract<Target, { kind: 'address' }>;
  /** Who is there, once that is known. */
  peer: string | undefined;
  failures: number;
  /** Why it was not reached the last time, and when that was; undefined: there was a connection to the peer since. */
  failure: { readonly error: PeerdError; readonly atMs: number } | undefined;
  /** When it will be dialled, while a time is set. */
  dialAtMs: number | undefined;
  /** When it was reached, while that connection lasts. */
  reachedMs: number | undefined;
  /** Whether it is being dialled, or a time is set at which it will be. */
  isPending: boolean;
  /** It is configured no longer. */
  isDropped: boolean;
  /** A dial has shown that this address is one of this node: a list for all machines has each. */
  isOurself: boolean;
}

type Timer =
  | { readonly kind: 'bootstrap' }
  | { readonly kind: 'keep'; readonly kept: Kept }
  | { readonly kind: 'check'; readonly target: Target };

/**
 * Finds peers and lets go of those that are gone: keeps connections to the configured peers, dials those of
 * the run before, has the DHT bootstrapped now and then, puts whom it meets into the DHT's table and takes out
 * whoever can't be dialled or does not answer a ping.
 */
export class DiscoveryState implements Feature<DiscoveryInput> {
  readonly handlers: Handlers<DiscoveryInput>;
  readonly #context: Context<DiscoveryOutput>;
  #config: DiscoveryConfig;
  readonly #makeRef: () => number;
  readonly #timers = new Deadlines<Timer>();
  /** Configured peers by their address, from the start on: of one peer there may be several, all of which are kept. */
  readonly #configured = new Map<string, Kept>();
  readonly #dials = new Map<number, Kept | undefined>();
  /** Who is in the DHT's table: those we met, and those it found by itself. */
  readonly #table = new Set<string>();
  readonly #connected = new Set<string>();
  /** Addresses of peers that may go into the table once they are let in. */
  readonly #identified = new Map<string, readonly string[]>();
  /** Whose each connection is, but for those that were aborted. */
  readonly #peerOf = new Map<string, string>();
  /** Whom a user has disconnected: not dialled from here until a user connects to them. */
  readonly #parted = new Set<string>();
  /** Whose connection was aborted: in the table or not, once disconnected they are dialled. */
  readonly #aborted = new Set<string>();

  constructor(context: Context<DiscoveryOutput>, config: DiscoveryConfig, makeRef: () => number) {
    this.#context = context;
    this.#config = config;
    this.#makeRef = makeRef;
    this.handlers = {
      'node/listening': () => {
        this.#keepAll();
        if (config.isOn) this.#at(config.firstBootstrapMs, { kind: 'bootstrap' });
      },
      reconfigure: ({ peers, bootstrapIntervalMs }) => {
        this.#config = { ...this.#config, peers, bootstrapIntervalMs };
        this.#keepAll();
      },
      'peer/remembered': ({ peers }) => {
        if (!config.isOn) return;
        for (const { peer } of peers.slice(0, MAX_REMEMBERED))
          this.#at(context.random() * REMEMBERED_WITHIN_MS, { kind: 'check', target: targetOf(peer) });
      },
      'discovery/found': ({ peer }) => {
        if (config.isOn && !this.#connected.has(peer) && !this.#parted.has(peer))
          this.#dial(targetOf(peer), undefined);
      },
      'connection/opened': ({ connection, peer }) => {
        this.#peerOf.set(connection, peer);
      },
      'connection/closed': ({ connection }) => {
        this.#peerOf.delete(connection);
      },
      'peer/identified': ({ peer, addresses, protocols }) => {
        if (!config.isOn || !protocols.includes(config.dhtProtocol)) return;
        this.#identified.set(peer, shareable(addresses, config.profile));
        if (this.#connected.has(peer)) this.#add(peer);
      },
      'peer/admitted': ({ peer }) => {
        this.#connected.add(peer);
        for (const kept of this.#keptOf(peer)) kept.failure = undefined;
        this.#add(peer);
      },
      'dht/added': ({ peer }) => {
        this.#table.add(peer);
        // Its connection may be gone by the time that the DHT has made sure of it.
        if (!this.#connected.has(peer)) this.#check(peer);
      },
      'dht/removed': ({ peer }) => {
        this.#table.delete(peer);
      },
      'peer/disconnected': ({ peer }) => {
        this.#connected.delete(peer);
        this.#identified.delete(peer);
        // To dial an address without an id says nothing of who was there.
        let isDialledById = false;
        for (const kept of this.#keptOf(peer)) {
          this.#redial(kept);
          isDialledById ||= kept.target.peer !== undefined;
        }
        const isInDoubt = this.#aborted.delete(peer) || this.#table.has(peer);
        if (!isDialledById && isInDoubt) this.#check(peer);
      },
      'peer/dial-failed': ({ peer }) => this.#remove(peer),
      'connection/abort': ({ connection }) => {
        const peer = this.#peerOf.get(connection);
        if (peer === undefined) return;
        this.#peerOf.delete(connection);
        // One that is left may well work.
        for (const other of this.#peerOf.values()) if (other === peer) return;
        if (config.isOn) this.#aborted.add(peer);
        this.#remove(peer);
      },
      'peer/reached': ({ ref, peer }) => {
        const kept = this.#dials.get(ref);
        // It was on its way when a user disconnected the peer.
        if (this.#dials.delete(ref) && this.#parted.has(peer))
          context.emit({ type: 'peer/part', ref: makeRef(), target: targetOf(peer) });
        if (kept === undefined || kept.isDropped) return;
        kept.peer = peer;
        kept.isOurself = false;
        kept.failure = undefined;
        kept.reachedMs = context.nowMs;
        kept.isPending = false;
      },
      'peer/unreached': ({ ref, error, isOurself = false }) => {
        const kept = this.#dials.get(ref);
        this.#dials.delete(ref);
        if (kept === undefined || kept.isDropped) return;
        kept.isPending = false;
        if (isOurself && !kept.isOurself)
          context.emit({ type: 'discovery/itself', address: kept.target.address });
        kept.isOurself = isOurself;
        if (isOurself) return;
        // One address that fails says nothing of a peer that is connected by another.
        const isNews = !this.#isConnected(kept) && kept.failure?.error.message !== error.message;
        if (!this.#isConnected(kept)) kept.failure = { error, atMs: context.nowMs };
        this.#redial(kept);
        if (isNews)
          context.emit({
            type: 'discovery/unreached',
            address: kept.target.address,
            error,
            nextDialMs: Math.max(0, (kept.dialAtMs ?? context.nowMs) - context.nowMs),
          });
      },
      'peer/parting': ({ peer }) => {
        this.#parted.delete(peer);
        this.#parted.add(peer);
        for (const oldest of this.#parted) {
          if (this.#parted.size <= MAX_PARTED) break;
          this.#parted.delete(oldest);
        }
        this.#remove(peer);
      },
      'peer/wanted': ({ peer }) => {
        if (!this.#parted.delete(peer)) return;
        if (!this.#connected.has(peer)) for (const kept of this.#keptOf(peer)) this.#redial(kept);
      },
      tick: () => this.#timers.expire(context.nowMs, (timer) => this.#due(timer)),
    };
  }

  get nextTickMs(): number {
    return this.#timers.nextMs;
  }

  /**
   * Configured peers without a connection, in the order of the configuration; not those that a user has disconnected. One
   * each, whatever the number of its addresses, where its id is known.
   */
  get unreached(): UnreachedPeer[] {
    const addressesOf = new Map<string, [Kept, ...Kept[]]>();
    for (const kept of this.#configured.values()) {
      if (kept.isOurself || this.#isConnected(kept) || this.#isParted(kept)) continue;
      const key = kept.peer ?? kept.target.key;
      const others = addressesOf.get(key);
      if (others === undefined) addressesOf.set(key, [kept]);
      else others.push(kept);
    }
    return [...addressesOf.values()].map((addresses) => unreachedPeer(addresses, this.#context.nowMs));
  }

  snapshot(): unknown {
    return {
      parted: [...this.#parted],
      kept: [...this.#configured].map(([key, { peer, failures }]) => [key, peer, failures]),
      dials: [...this.#dials.keys()],
      table: [...this.#table],
      identified: [...this.#identified.keys()],
      connected: [...this.#connected],
      aborted: [...this.#aborted],
    };
  }

  #due(timer: Timer): void {
    switch (timer.kind) {
      case 'bootstrap':
        this.#at(this.#config.bootstrapIntervalMs, timer);
        this.#context.emit({ type: 'dht/bootstrap' });
        return;
      case 'keep':
        if (this.#isParted(timer.kept)) timer.kept.isPending = false;
        else if (!timer.kept.isDropped) this.#dial(timer.kept.target, timer.kept);
        return;
      case 'check':
        if (!this.#connected.has(timer.target.key) && !this.#parted.has(timer.target.key))
          this.#dial(timer.target, undefined);
        return;
    }
  }

  /** Keeps a connection to those that are configured, and no longer to those that were. */
  #keepAll(): void {
    const { peers } = this.#config;
    const keys = new Set(peers.map(({ key }) => key));
    for (const [key, kept] of this.#configured) {
      if (keys.has(key)) continue;
      kept.isDropped = true;
      this.#configured.delete(key);
    }
    for (const target of peers) {
      const known = this.#configured.get(target.key);
      // Another node with our identity looks the same: it may have been given its own since.
      if (known?.isOurself && !known.isPending) this.#dial(target, known);
      if (known !== undefined) continue;
      const kept: Kept = {
        target,
        peer: target.peer,
        failures: 0,
        failure: undefined,
        dialAtMs: undefined,
        reachedMs: undefined,
        isPending: false,
        isDropped: false,
        isOurself: false,
      };
      this.#configured.set(target.key, kept);
      this.#dial(target, kept);
    }
  }

  #dial(target: Target, kept: Kept | undefined): void {
    const ref = this.#makeRef();
    if (kept !== undefined) {
      kept.isPending = true;
      kept.dialAtMs = undefined;
    }
    this.#dials.set(ref, kept);
    this.#context.emit({ type: 'peer/reach', ref, target });
  }

  /**
   * Exponential, with jitter of half of it: peers that lost the same neighbour must not come back all at once.
   * A connection that is refused ends twice, once with the refusal and once when it closes: one redial is enough.
   */
  #redial(kept: Kept): void {
    if (kept.isPending || kept.isOurself || this.#isParted(kept)) return;
    kept.isPending = true;
    if (kept.reachedMs !== undefined && this.#context.nowMs - kept.reachedMs >= LASTING_MS) kept.failures = 0;
    kept.reachedMs = undefined;
    const longestMs = Math.min(LAST_REDIAL_MS, FIRST_REDIAL_MS * 2 ** kept.failures);
    kept.failures += 1;
    const inMs = longestMs * (0.5 + this.#context.random() / 2);
    kept.dialAtMs = this.#context.nowMs + inMs;
    this.#at(inMs, { kind: 'keep', kept });
  }

  *#keptOf(peer: string): Iterable<Kept> {
    for (const kept of this.#configured.values()) if (kept.peer === peer) yield kept;
  }

  #isConnected({ peer }: Kept): boolean {
    return peer !== undefined && this.#connected.has(peer);
  }

  #isParted({ peer }: Kept): boolean {
    return peer !== undefined && this.#parted.has(peer);
  }

  /** Puts a peer that has been let in, and that takes part in the DHT, into the table. */
  #add(peer: string): void {
    const addresses = this.#identified.get(peer) ?? [];
    if (addresses.length > 0) this.#context.emit({ type: 'dht/add', peer, addresses });
  }

  /** Dials a peer of the table that is not connected: it answers or it leaves. */
  #check(peer: string): void {
    this.#at(this.#context.random() * CHECK_WITHIN_MS, { kind: 'check', target: targetOf(peer) });
  }

  #remove(peer: string): void {
    if (!this.#table.delete(peer)) return;
    this.#context.emit({ type: 'dht/remove', peer });
  }

  #at(inMs: number, timer: Timer): void {
    this.#timers.add(timer, this.#context.nowMs + inMs);
  }
}

function targetOf(peer: string): Target {
  return { kind: 'id', key: peer, peer };
}

/** One peer by its addresses: by the one that failed last, and by when the first of them is dialled again. */
function unreachedPeer(addresses: readonly [Kept, ...Kept[]], nowMs: number): UnreachedPeer {
  let [last] = addresses;
  let dialAtMs = Number.POSITIVE_INFINITY;
  for (const kept of addresses) {
    if ((kept.failure?.atMs ?? -1) > (last.failure?.atMs ?? -1)) last = kept;
    // Without a time it is being dialled.
    dialAtMs = Math.min(dialAtMs, kept.dialAtMs ?? Number.NEGATIVE_INFINITY);
  }
  const { target, peer: id, failure } = last;
  return {
    address: target.address,
    ...(id === undefined ? {} : { id }),
    ...(failure === undefined ? {} : { error: failure.error }),
    ...(dialAtMs === Number.NEGATIVE_INFINITY ? {} : { nextDialMs: Math.max(0, dialAtMs - nowMs) }),
  };
}
