import { type CounterInfo, PeerdError } from '@peerd/protocol';
import { Quota } from '../channel/quota.ts';
import type { RoutingSettings } from '../config.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import { PeerKeys } from '../peer-keys.ts';
import type { PacketArrived } from '../request/messages.ts';
import { ROLE_FORWARDER } from '../roles.ts';
import type { Ways } from '../routing/messages.ts';
import type { Context, Feature, Handlers } from '../server/feature.ts';
import { encodeHead, Head } from './codec.ts';
import {
  type ForwardingInput,
  type ForwardingOutput,
  MAX_PACKET_BODY_BYTES,
  type PacketSend,
} from './messages.ts';
import { MAX_FORWARDED_BURST_BYTES, MAX_PAIRS_PER_NEIGHBOUR, Neighbour, type Pair } from './neighbour.ts';

/** Pairs that have fallen silent are looked for so often, in ms. */
const SWEEP_MS = 15_000;

const none: readonly Uint8Array[] = [];

/**
 * Where packets go: those of this node, and those that neighbours hand over for others. What can't be sent on is dropped
 * and counted; the ends of a packet repair its loss.
 */
export class ForwardingState implements Feature<ForwardingInput> {
  readonly handlers: Handlers<ForwardingInput>;
  readonly quotas: readonly Quota[];
  readonly #context: Context<ForwardingOutput>;
  readonly #self: string;
  readonly #settings: Pick<RoutingSettings, 'forward' | 'randomFallback'>;
  readonly #ways: Ways;
  readonly #keys = new PeerKeys();
  readonly #neighbours = new Map<string, Neighbour>();
  /** Those of them that pass on what is for others. */
  #forwarders: readonly string[] = [];
  #sweepMs = Number.POSITIVE_INFINITY;
  readonly #bytes: Quota;
  readonly #pairs: Quota;
  readonly #dropped = { malformed: 0, expired: 0, refused: 0, wayless: 0, unknown: 0 };

  constructor(
    context: Context<ForwardingOutput>,
    self: string,
    settings: Pick<RoutingSettings, 'forward' | 'randomFallback'>,
    ways: Ways,
  ) {
    this.#context = context;
    this.#self = self;
    this.#settings = settings;
    this.#ways = ways;
    this.#bytes = new Quota(
      'bytes forwarded for the busiest neighbour',
      'bytes',
      () => MAX_FORWARDED_BURST_BYTES,
      () => Math.round(this.#busiest(({ bytes }) => bytes.spentAt(context.nowMs))),
    );
    this.#pairs = new Quota(
      'pairs of peers that are forwarded for the busiest neighbour',
      'items',
      () => MAX_PAIRS_PER_NEIGHBOUR,
      () => this.#busiest(({ pairs }) => pairs.size),
    );
    this.quotas = [this.#bytes, this.#pairs];
    this.handlers = {
      'packet/send': (packet) => this.#send(packet),
      'packet/arrived': (arrived) => this.#arrived(arrived),
      'peer/came': ({ peer, kind, roles }) => {
        const isPeerd = kind === 'peerd';
        this.#neighbours.set(peer, new Neighbour(isPeerd, isPeerd && isForwarder(roles), context.nowMs));
        this.#listForwarders();
      },
      'peer/admitted': ({ peer, kind, roles }) => {
        const neighbour = this.#neighbours.get(peer);
        // A second connection without a hello takes nothing back of what the first one said.
        if (neighbour === undefined || kind !== 'peerd') return;
        neighbour.isPeerd = true;
        neighbour.isForwarder = isForwarder(roles);
        this.#listForwarders();
      },
      'peer/went': ({ peer }) => {
        this.#neighbours.delete(peer);
        this.#listForwarders();
      },
      tick: () => this.#sweep(),
    };
  }

  get nextTickMs(): number {
    return this.#sweepMs;
  }

  get counters(): readonly CounterInfo[] {
    const { malformed, expired, refused, wayless, unknown } = this.#dropped;
    return [
      { name: 'malformed packets', count: malformed },
      { name: 'packets of an unknown kind', count: unknown },
      { name: 'packets past their hop limit', count: expired },
      { name: 'packets that are not forwarded for whom they are from', count: refused },
      { name: 'packets without a way', count: wayless },
    ];
  }

  snapshot(): unknown {
    const { nowMs } = this.#context;
    return {
      neighbours: [...this.#neighbours].map(([peer, neighbour]) => [
        peer,
        neighbour.isPeerd,
        neighbour.isForwarder,
        neighbour.bytes.spentAt(nowMs),
        [...neighbour.pairs.values()],
      ]),
      dropped: { ...this.#dropped },
      sweepMs: this.#sweepMs,
    };
  }

  #send({ to, kind, body, attempt, via, record, hops = HOP_LIMIT }: PacketSend): void {
    const source = this.#keys.keyOf(this.#self);
    const destination = this.#keys.keyOf(to);
    if (source === undefined || destination === undefined)
      return this.#unsent(
        to,
        kind,
        new PeerdError('unreachable', `${to} has no key that packets are sent to`),
      );
    const way = via === undefined ? this.#wayTo(to, attempt) : { next: this.#towards(via[0] ?? to), via };
    const next = way?.next ?? this.#atRandom(to, undefined);
    if (next === undefined || to === this.#self) return this.#unsent(to, kind, noWay(to));
    const passed = way === undefined ? none : this.#keysOf(way.via);
    const head = encodeHead({ hops: hops - 1, kind, source, destination, via: passed, record });
    this.#context.emit({ type: 'link/packet', peer: next, head, body });
  }

  #wayTo(
    to: string,
    attempt: number,
  ): { readonly next: string; readonly via: readonly string[] } | undefined {
    if (attempt === 0 && this.#isNear(to)) return { next: to, via: [] };
    return this.#ways.way(to, attempt) ?? (this.#isNear(to) ? { next: to, via: [] } : undefined);
  }

  #arrived({ neighbour, frame }: PacketArrived): void {
    const head = new Head(frame.head);
    const [body] = frame.body;
    const self = this.#keys.keyOf(this.#self);
    if (self === undefined || body === undefined || body.length > MAX_PACKET_BODY_BYTES || !head.isWellFormed)
      this.#dropped.malformed += 1;
    else if (head.isFor(self)) this.#receive(neighbour, head, body);
    else this.#forward(neighbour, head, frame.body, self);
  }

  #receive(neighbour: string, head: Head, body: Uint8Array): void {
    const { kind } = head;
    if (kind === undefined) this.#dropped.unknown += 1;
    else {
      const from = head.source(this.#keys);
      this.#context.emit({
        type: 'packet/received',
        from,
        kind,
        body,
        path: head.path(this.#keys),
        neighbour,
      });
    }
  }

  #forward(neighbour: string, head: Head, body: readonly Uint8Array[], self: Uint8Array): void {
    const { nowMs } = this.#context;
    const from = this.#neighbours.get(neighbour);
    const ends = head.pair;
    let pair = from?.pairs.get(ends);
    const source = pair?.source ?? head.source(this.#keys);
    if (from === undefined || !this.#mayPass(neighbour, from, source)) {
      this.#dropped.refused += 1;
      return;
    }
    if (head.hops === 0) return this.#expired(neighbour, head, body);
    if (!head.hasRoom) {
      this.#dropped.malformed += 1;
      return;
    }
    pair ??= this.#admit(from, ends, source, head.destination(this.#keys));
    if (pair === undefined) return this.#pairs.refuse(this.#context);
    pair.lastMs = nowMs;
    if (!from.bytes.spend(head.bytes.length + (body[0] as Uint8Array).length, nowMs))
      return this.#bytes.refuse(this.#context);
    const reached = head.reached(self);
    const waypoint = reached < head.viaCount ? head.waypoint(reached, this.#keys) : undefined;
    let next: string | undefined;
    let via = none;
    if (this.#ways.strategy === 'source' && waypoint !== undefined) {
      // The path is its source's. Gone on with by another one, which others may know of as little, it could go round.
      next = this.#isNear(waypoint) ? waypoint : undefined;
      if (next === undefined) {
        this.#dropped.wayless += 1;
        return;
      }
    } else if (waypoint !== undefined) next = this.#towards(waypoint);
    else if (this.#ways.strategy === 'table' || this.#isNear(pair.destination))
      next = this.#towards(pair.destination);
    else if (head.viaCount === 0) {
      const way = this.#ways.way(pair.destination, 0);
      next = way?.next;
      if (way !== undefined) via = this.#keysOf(way.via);
    }
    next ??= this.#atRandom(pair.destination, neighbour);
    if (next === undefined) this.#dropped.wayless += 1;
    else
      this.#context.emit({
        type: 'link/packet',
        peer: next,
        from: neighbour,
        head: head.next(self, reached, via),
        body,
      });
  }

  /** What the configuration says of for whom to forward. */
  #mayPass(neighbour: string, { isPeerd }: Neighbour, source: string): boolean {
    const { forward } = this.#settings;
    if (forward !== 'network') return forward === 'all';
    if (!isPeerd) return false;
    // Adverts are signed for a network: whoever has one is of this one. What comes back at random is ours.
    return source === neighbour || source === this.#self || this.#ways.advertOf(source) !== undefined;
  }

  #expired(neighbour: string, head: Head, [body]: readonly Uint8Array[]): void {
    if (head.kind !== 'probe') {
      this.#dropped.expired += 1;
      return;
    }
    const from = head.source(this.#keys);
    const to = head.destination(this.#keys);
    this.#context.emit({ type: 'probe/expired', from, to, body: body as Uint8Array, neighbour });
  }

  #admit(from: Neighbour, ends: string, source: string, destination: string): Pair | undefined {
    const pair: Pair = { source, destination, lastMs: this.#context.nowMs };
    if (!from.admit(ends, pair)) return undefined;
    this.#sweepMs = Math.min(this.#sweepMs, this.#context.nowMs + SWEEP_MS);
    return pair;
  }

  #isNear(peer: string): boolean {
    return this.#neighbours.get(peer)?.isPeerd === true;
  }

  #towards(peer: string): string | undefined {
    return this.#isNear(peer) ? peer : this.#ways.next(peer);
  }

  /** Whoever that is may know more; the hop limit alone bounds this. */
  #atRandom(destination: string, except: string | undefined): string | undefined {
    // One that is known, and has no way, can't be reached by others either.
    if (!this.#settings.randomFallback || this.#ways.advertOf(destination) !== undefined) return undefined;
    const forwarders = this.#forwarders;
    const excepted = except === undefined ? -1 : forwarders.indexOf(except);
    const choices = forwarders.length - (excepted === -1 ? 0 : 1);
    const choice = Math.floor(this.#context.random() * choices);
    // The last one stands in for the one that is left out.
    return choices === 0 ? undefined : forwarders[choice === excepted ? choices : choice];
  }

  #keysOf(via: readonly string[]): readonly Uint8Array[] {
    if (via.length === 0) return none;
    return via.flatMap((peer) => this.#keys.keyOf(peer) ?? []);
  }

  #unsent(to: string, kind: PacketSend['kind'], error: PeerdError): void {
    this.#context.emit({ type: 'packet/unsent', to, kind, error });
  }

  #listForwarders(): void {
    this.#forwarders = [...this.#neighbours].flatMap(([peer, neighbour]) =>
      neighbour.isForwarder ? peer : [],
    );
  }

  #busiest(measure: (neighbour: Neighbour) => number): number {
    let most = 0;
    for (const neighbour of this.#neighbours.values()) most = Math.max(most, measure(neighbour));
    return most;
  }

  #sweep(): void {
    const { nowMs } = this.#context;
    if (nowMs < this.#sweepMs) return;
    let isSilent = true;
    for (const neighbour of this.#neighbours.values()) {
      neighbour.forgetSilent(nowMs);
      isSilent &&= neighbour.pairs.size === 0;
    }
    this.#sweepMs = isSilent ? Number.POSITIVE_INFINITY : nowMs + SWEEP_MS;
  }
}

function isForwarder(roles: readonly string[]): boolean {
  return roles.includes(ROLE_FORWARDER);
}

function noWay(to: string): PeerdError {
  return new PeerdError('unreachable', `there is no way to ${to}: no neighbour leads there`);
}
