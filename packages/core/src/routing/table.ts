import { Quota, type Teller } from '../channel/quota.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import { Changes } from './changes.ts';
import { type Destination, isNearer } from './destination.ts';
import type { TableLimits } from './limits.ts';
import {
  type Advert,
  type Entry,
  EXCHANGE_MS,
  type Exchange,
  MAX_ENTRIES,
  MAX_REQUESTS,
  type Route,
  type SequenceRequest,
  UNREACHABLE,
} from './messages.ts';
import { Neighbour } from './neighbour.ts';

/** Changes wait so long for others, in ms, so that a burst of them is one exchange. */
const DAMPING_MS = 50;

/** Between two exchanges with one neighbour, in ms, however much changes. */
const MIN_INTERVAL_MS = 100;

/** What was not answered is sent again after so long, in ms. */
const RESEND_MS = 1_000;

/** A neighbour that has not been heard of for this long, in ms, has no routes: not quite two exchanges. */
const SILENT_MS = 9_000;

/** An origin that nobody reaches is remembered so long, in ms: longer than any row about it can be on its way. */
const FORGET_MS = 180_000;

/** What the table is given. */
export interface TableWorld {
  readonly id: string;
  readonly nowMs: number;
  /** Tells a neighbour, whose answer is to be given to `take`. */
  push(to: string, exchange: Exchange): void;
  /** Whether neighbours may send here what is for others: if not, they are told of this node alone. */
  readonly forwards: boolean;
  /** A destination can be reached now, or has another name. */
  found(origin: string, name: string): void;
  lost(origin: string): void;
}

/**
 * The routing table: destination, next, distance, exchanged with neighbours. A row is taken over only if it is feasible:
 * if it goes back to a newer advert of the origin than all that was told from here, or to the same one with a distance
 * from there that is shorter than the shortest told from here. So distances, of one sequence, fall at every hop, and no
 * loop can form, however old what a neighbour knows is (RFC 8966, 3.5.1). Where no row is feasible the origin is asked
 * for a newer advert.
 */
export class RoutingTable {
  readonly #world: TableWorld;
  readonly #advertise: (sequence: number) => Advert;
  readonly #limits: TableLimits;
  readonly #teller: Teller;
  readonly #epoch: number;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #destinations = new Map<string, Destination>();
  readonly #changes = new Changes();
  #changedMs = 0;
  #nextTickMs: number | undefined;
  /** Rows that can't be. */
  malformed = 0;
  readonly quotas: readonly [destinations: Quota, entries: Quota];

  /** `advertise` makes and signs our own advert; `firstSequence` has to be above that of any earlier run. */
  constructor(
    world: TableWorld,
    advertise: (sequence: number) => Advert,
    firstSequence: number,
    limits: TableLimits,
    teller: Teller,
  ) {
    this.#world = world;
    this.#advertise = advertise;
    this.#limits = limits;
    this.#teller = teller;
    this.quotas = [
      new Quota(
        'destinations',
        'items',
        () => limits.maxDestinations,
        () => this.#destinations.size,
      ),
      new Quota(
        'routes of the neighbour with most',
        'items',
        () => limits.maxEntriesPerNeighbour,
        () => Math.max(0, ...[...this.#neighbours.values()].map(({ rows }) => rows.size)),
      ),
    ];
    this.#epoch = firstSequence;
    this.#announce(firstSequence);
  }

  linked(peer: string): void {
    this.#nextTickMs = undefined;
    this.#neighbours.set(peer, new Neighbour(peer, this.#world.nowMs));
  }

  unlinked(peer: string): void {
    const neighbour = this.#neighbours.get(peer);
    if (neighbour === undefined) return;
    this.#nextTickMs = undefined;
    this.#neighbours.delete(peer);
    for (const origin of neighbour.rows.keys()) this.#select(origin);
  }

  /** What a neighbour tells, by itself or as its answer. */
  take(from: string, exchange: Exchange): void {
    const neighbour = this.#neighbours.get(from);
    if (neighbour === undefined) return;
    this.#nextTickMs = undefined;
    neighbour.heardMs = this.#world.nowMs;
    if (neighbour.epoch !== exchange.epoch) this.#reset(neighbour, exchange.epoch);
    // Also lower: one that lost sight of us begins anew. An old one that comes late costs no more than rows sent twice.
    neighbour.acked = Math.min(exchange.ack, neighbour.sent);
    if (exchange.base <= neighbour.applied && exchange.version > neighbour.applied) {
      for (const entry of exchange.entries) this.#takeEntry(neighbour, entry);
      neighbour.applied = exchange.version;
    }
    for (const request of exchange.requests) this.#requested(neighbour, request);
  }

  /** What a neighbour is to be told now: our answer to what it has told us. */
  exchangeFor(peer: string): Exchange | undefined {
    const neighbour = this.#neighbours.get(peer);
    return neighbour === undefined ? undefined : this.#exchange(neighbour);
  }

  tick(): void {
    this.#nextTickMs = undefined;
    const { nowMs } = this.#world;
    // When one is heard of again it tells all of its table.
    for (const neighbour of this.#neighbours.values())
      if (nowMs - neighbour.heardMs >= SILENT_MS && neighbour.rows.size > 0)
        this.#reset(neighbour, undefined);
    for (const neighbour of this.#neighbours.values())
      if (this.#dueMs(neighbour) <= nowMs) this.#world.push(neighbour.id, this.#exchange(neighbour));
    this.#forget();
  }

  /** Asked for in every turn of the loop, so worked out only when something has happened here. */
  get nextTickMs(): number {
    this.#nextTickMs ??= this.#earliestMs();
    return this.#nextTickMs;
  }

  #earliestMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const neighbour of this.#neighbours.values()) {
      next = Math.min(next, this.#dueMs(neighbour));
      if (neighbour.rows.size > 0) next = Math.min(next, neighbour.heardMs + SILENT_MS);
    }
    return next;
  }

  get id(): string {
    return this.#world.id;
  }

  get neighbours(): Iterable<Neighbour> {
    return this.#neighbours.values();
  }

  /** The neighbour to send to. */
  next(destination: string): string | undefined {
    return this.#destinations.get(destination)?.selected?.next;
  }

  advertOf(destination: string): Advert | undefined {
    return this.#destinations.get(destination)?.advert;
  }

  /** Those that can be reached, oneself excepted. */
  routes(): Route[] {
    const routes: Route[] = [];
    for (const { origin, selected, sinceMs } of this.#destinations.values()) {
      if (selected === undefined || origin === this.#world.id) continue;
      routes.push({
        destination: origin,
        next: selected.next,
        distance: selected.distance,
        ageMs: this.#world.nowMs - sinceMs,
      });
    }
    return routes;
  }

  #announce(sequence: number): void {
    const { id } = this.#world;
    const own = this.#destination(id) as Destination;
    own.advert = this.#advertise(sequence);
    own.selected = { next: id, sequence, distance: 0 };
    own.feasible = { sequence, distance: 0 };
    own.advertAt = this.#changed(own);
  }

  /** Forgets what it has told: it begins anew. */
  #reset(neighbour: Neighbour, epoch: number | undefined): void {
    const origins = [...neighbour.rows.keys()];
    neighbour.rows.clear();
    neighbour.epoch = epoch;
    neighbour.applied = 0;
    for (const origin of origins) this.#select(origin);
  }

  #takeEntry(neighbour: Neighbour, entry: Entry): void {
    const { origin, sequence, distance, advert } = entry;
    const isWhole = Number.isSafeInteger(distance) && Number.isSafeInteger(sequence);
    // Only of itself can a neighbour say that it is nowhere else.
    if (!isWhole || distance < 0 || sequence < 0 || (distance === 0) !== (origin === neighbour.id)) {
      this.malformed += 1;
      return;
    }
    if (origin === this.#world.id) {
      // An earlier run of ours went further: its adverts must not pass for newer than this one's.
      const own = this.#destinations.get(origin)?.selected?.sequence ?? 0;
      if (advert !== undefined && advert.sequence > own) this.#announce(advert.sequence + 1);
      return;
    }
    const signed = Math.max(advert?.sequence ?? -1, this.#destinations.get(origin)?.advert?.sequence ?? -1);
    if (distance >= UNREACHABLE) neighbour.rows.delete(origin);
    else if (sequence > signed) {
      // Only the origin makes a newer one: taken at a neighbour's word it would keep all true rows out.
      this.malformed += 1;
      return;
    } else if (neighbour.rows.has(origin) || neighbour.rows.size < this.#limits.maxEntriesPerNeighbour)
      neighbour.rows.set(origin, { sequence, distance });
    else {
      this.quotas[1].refuse(this.#teller);
      return;
    }
    const destination = this.#destination(origin);
    if (destination === undefined) {
      this.quotas[0].refuse(this.#teller);
      neighbour.rows.delete(origin);
      return;
    }
    if (advert !== undefined && advert.sequence > (destination.advert?.sequence ?? -1)) {
      const isRenamed = destination.advert?.name !== advert.name;
      destination.advert = advert;
      destination.advertAt = this.#changed(destination);
      if (isRenamed && destination.selected !== undefined) this.#world.found(origin, advert.name);
    }
    this.#select(origin);
  }

  #destination(origin: string): Destination | undefined {
    let destination = this.#destinations.get(origin);
    if (destination === undefined) {
      if (this.#destinations.size >= this.#limits.maxDestinations) return undefined;
      destination = {
        origin,
        advert: undefined,
        feasible: undefined,
        selected: undefined,
        changedAt: 0,
        advertAt: 0,
        sinceMs: this.#world.nowMs,
        askedMs: Number.NEGATIVE_INFINITY,
      };
      this.#destinations.set(origin, destination);
    }
    return destination;
  }

  /** Chooses among what the neighbours tell of an origin. */
  #select(origin: string): void {
    const destination = this.#destinations.get(origin);
    if (destination === undefined) return;
    const { selected: before, feasible } = destination;
    let best: { next: string; sequence: number; distance: number } | undefined;
    let isOffered = false;
    for (const { id, rows } of this.#neighbours.values()) {
      const row = rows.get(origin);
      if (row === undefined || row.distance + 1 > HOP_LIMIT) continue;
      isOffered = true;
      if (!isNearer(row, feasible)) continue;
      const distance = row.distance + 1;
      const isBetter =
        best === undefined ||
        distance < best.distance ||
        // What is in use stays in use.
        (distance === best.distance && id === before?.next);
      if (isBetter) best = { next: id, sequence: row.sequence, distance };
    }
    destination.selected = best;
    if (best !== undefined) {
      if (isNearer(best, feasible)) destination.feasible = best;
      destination.askedMs = Number.NEGATIVE_INFINITY;
    }
    const isSame =
      before?.next === best?.next &&
      before?.distance === best?.distance &&
      before?.sequence === best?.sequence;
    if (!isSame) {
      destination.sinceMs = this.#world.nowMs;
      this.#changed(destination);
    }
    if (before === undefined && best !== undefined) this.#world.found(origin, destination.advert?.name ?? '');
    if (before !== undefined && best === undefined) this.#world.lost(origin);
    if (best === undefined && isOffered) this.#ask(destination);
  }

  /** Has the origin asked for a newer advert, by all who say that they reach it. */
  #ask(destination: Destination): void {
    const { nowMs } = this.#world;
    if (nowMs - destination.askedMs < RESEND_MS) return;
    destination.askedMs = nowMs;
    const request = {
      origin: destination.origin,
      sequence: (destination.feasible?.sequence ?? 0) + 1,
      hops: HOP_LIMIT,
    };
    for (const neighbour of this.#neighbours.values())
      if (neighbour.rows.has(destination.origin)) neighbour.requests.push(request);
  }

  #requested(from: Neighbour, { origin, sequence, hops }: SequenceRequest): void {
    const destination = this.#destinations.get(origin);
    if (destination === undefined) return;
    const { selected } = destination;
    if (origin === this.#world.id) {
      // One further at a time, whatever is asked for and however often: numbers must not run out.
      const own = selected?.sequence ?? 0;
      const isSoon = this.#world.nowMs - destination.askedMs < MIN_INTERVAL_MS;
      if (isSoon) return;
      destination.askedMs = this.#world.nowMs;
      if (own < sequence) this.#announce(own + 1);
      else this.#changed(destination);
    } else if (selected !== undefined && selected.sequence >= sequence) this.#changed(destination);
    else if (hops > 1) this.#passOn(from, destination, { origin, sequence, hops: hops - 1 });
  }

  #passOn(from: Neighbour, destination: Destination, request: SequenceRequest): void {
    const { nowMs } = this.#world;
    if (nowMs - destination.askedMs < RESEND_MS) return;
    let nearest: Neighbour | undefined;
    for (const neighbour of this.#neighbours.values()) {
      const row = neighbour.rows.get(request.origin);
      if (row === undefined || neighbour === from) continue;
      if (nearest === undefined || row.distance < (nearest.rows.get(request.origin)?.distance ?? UNREACHABLE))
        nearest = neighbour;
    }
    if (nearest === undefined) return;
    destination.askedMs = nowMs;
    nearest.requests.push(request);
  }

  /** When the neighbour is to be told something. */
  #dueMs(neighbour: Neighbour): number {
    const { sentMs, sent, acked, requests } = neighbour;
    let due = sentMs + EXCHANGE_MS;
    if (sent > acked) due = Math.min(due, sentMs + RESEND_MS);
    if (this.#changes.version > sent) due = Math.min(due, this.#changedMs + DAMPING_MS);
    if (requests.length > 0) due = Math.min(due, sentMs);
    return Math.max(due, sentMs + MIN_INTERVAL_MS);
  }

  #exchange(neighbour: Neighbour): Exchange {
    this.#nextTickMs = undefined;
    const { acked: base, requests, applied: ack } = neighbour;
    const { destinations, version } = this.#changes.after(base, MAX_ENTRIES);
    const entries = destinations.map((destination) => this.#entryFor(neighbour, destination));
    neighbour.sent = version;
    neighbour.sentMs = this.#world.nowMs;
    neighbour.requests = requests.slice(MAX_REQUESTS);
    // Once more while nothing is feasible.
    for (const destination of this.#destinations.values())
      if (destination.selected === undefined && neighbour.rows.has(destination.origin))
        this.#ask(destination);
    return { epoch: this.#epoch, base, version, ack, entries, requests: requests.slice(0, MAX_REQUESTS) };
  }

  #entryFor(neighbour: Neighbour, destination: Destination): Entry {
    const { origin, selected, advert, advertAt, feasible } = destination;
    // To the neighbour that it begins with, a route is of no use.
    const isUsable = selected !== undefined && selected.next !== neighbour.id;
    return {
      origin,
      sequence: selected?.sequence ?? feasible?.sequence ?? 0,
      distance: isUsable ? selected.distance : UNREACHABLE,
      advert: advertAt > neighbour.acked || origin === neighbour.id ? advert : undefined,
    };
  }

  #changed(destination: Destination): number {
    if (!this.#world.forwards && destination.origin !== this.#world.id) return 0;
    this.#changedMs = this.#world.nowMs;
    return this.#changes.add(destination);
  }

  #forget(): void {
    const { nowMs } = this.#world;
    for (const [origin, { selected, sinceMs }] of this.#destinations) {
      if (selected !== undefined || nowMs - sinceMs < FORGET_MS) continue;
      if ([...this.#neighbours.values()].some(({ rows }) => rows.has(origin))) continue;
      this.#destinations.delete(origin);
    }
  }
}
