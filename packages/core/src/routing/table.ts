import type { CounterInfo } from '@peerd/protocol';
import { Quota } from '../channel/quota.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import { type Destination, isNearer, newDestination, type Told } from './destination.ts';
import { detour } from './detour.ts';
import { Exchanges } from './exchanges.ts';
import type { RoutingLimits } from './limits.ts';
import {
  type Advert,
  type Entry,
  type Route,
  type SequenceRequest,
  UNREACHABLE,
  type Way,
} from './messages.ts';
import { Shares } from './shares.ts';
import type { RoutingWorld, Rows, Strategy } from './strategy.ts';

/** For a newer advert an origin is asked this often, in ms, and makes one. */
const ASK_MS = 1_000;
const ANNOUNCE_MS = 100;

/** An origin that nobody reaches is remembered so long, in ms: longer than any row about it can be on its way. */
const FORGET_MS = 180_000;

/** The same when there is no room for others, in ms: two exchanges, by which neighbours have heard that it is not reached. */
const HOLD_MS = 10_000;

/** Those to be forgotten are looked for this often, in ms. */
const SWEEP_MS = 10_000;

/**
 * The routing table: destination, next, distance. A row is taken over only if it is feasible: if it goes back to a newer
 * advert of the origin than all that was told from here, or to the same one with a distance from there that is shorter
 * than the shortest told from here. So distances, of one sequence, fall at every hop, and no loop can form, however old
 * what a neighbour knows is (RFC 8966, 3.5.1). Where no row is feasible the origin is asked for a newer advert.
 */
export class RoutingTable implements Strategy, Rows<Destination> {
  readonly strategy = 'table';
  readonly exchanges: Exchanges<Destination>;
  readonly quotas: readonly [destinations: Quota, entries: Quota];
  readonly #world: RoutingWorld;
  readonly #limits: RoutingLimits;
  readonly #told = new Map<string, Told>();
  readonly #destinations = new Map<string, Destination>();
  /** Those that are told of, but by no row that is feasible. */
  readonly #unfed = new Set<Destination>();
  /** How many destinations each neighbour was the first to tell of. */
  readonly #toldFirst = new Shares();
  #askMs = Number.POSITIVE_INFINITY;
  #sweptMs: number;
  /** Not before then it is looked again for what may make room. */
  #roomMs = Number.NEGATIVE_INFINITY;
  /** Rows that can't be. */
  #malformed = 0;
  /** Adverts that are older than what is known. */
  #outdated = 0;

  constructor(world: RoutingWorld, limits: RoutingLimits) {
    this.#world = world;
    this.#limits = limits;
    this.#sweptMs = world.nowMs;
    this.exchanges = new Exchanges(world, this);
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
        () => Math.max(0, ...[...this.#told.values()].map(({ rows }) => rows.size)),
      ),
    ];
    this.#announce(world.firstSequence);
  }

  get counters(): readonly CounterInfo[] {
    return [
      { name: 'malformed routes', count: this.#malformed },
      { name: 'outdated adverts', count: this.#outdated },
    ];
  }

  up(neighbour: string): void {
    this.#turn(neighbour, true);
  }

  down(neighbour: string): void {
    this.#turn(neighbour, false);
  }

  forget(neighbour: string): void {
    const told = this.#told.get(neighbour);
    this.#told.delete(neighbour);
    for (const origin of told?.rows.keys() ?? []) this.#select(origin);
  }

  take(neighbour: string, entry: Entry): void {
    const { origin, sequence, distance, advert } = entry;
    const isWhole = Number.isSafeInteger(distance) && Number.isSafeInteger(sequence);
    const isOurs = advert?.links === undefined;
    // Only of itself can a neighbour say that it is nowhere else.
    if (!isWhole || !isOurs || distance < 0 || sequence < 0 || (distance === 0) !== (origin === neighbour)) {
      this.#malformed += 1;
      return;
    }
    if (origin === this.#world.id) {
      // An earlier run of ours went further: its adverts must not pass for newer than this one's.
      const own = this.#destinations.get(origin)?.selected?.sequence ?? 0;
      if (advert !== undefined && advert.sequence > own) this.#announce(advert.sequence + 1);
      return;
    }
    // What was never known can't be taken back. An advert is kept, as it comes once: a way may be told of later.
    if (distance >= UNREACHABLE && advert === undefined && !this.#destinations.has(origin)) return;
    const { rows } = this.#toldBy(neighbour);
    const signed = Math.max(advert?.sequence ?? -1, this.#destinations.get(origin)?.advert?.sequence ?? -1);
    if (distance >= UNREACHABLE) rows.delete(origin);
    else if (sequence > signed) {
      // Only the origin makes a newer one: taken at a neighbour's word it would keep all true rows out.
      this.#malformed += 1;
      return;
    } else if (rows.has(origin) || rows.size < this.#limits.maxEntriesPerNeighbour)
      rows.set(origin, { sequence, distance });
    else {
      this.quotas[1].refuse(this.#world);
      return;
    }
    const destination = this.#destination(origin, neighbour);
    if (destination === undefined) {
      this.quotas[0].refuse(this.#world);
      rows.delete(origin);
      return;
    }
    const known = destination.advert?.sequence ?? -1;
    const isNew = advert !== undefined && advert.sequence > known;
    if (isNew) this.#takeAdvert(destination, advert);
    else if (advert !== undefined && advert.sequence < known) this.#outdated += 1;
    this.#select(origin, isNew);
  }

  entryFor(neighbour: string, destination: Destination, acked: number): Entry {
    const { origin, selected, advert, advertAt, feasible } = destination;
    // To the neighbour that it begins with, a route is of no use.
    const isUsable = selected !== undefined && selected.next !== neighbour;
    return {
      origin,
      sequence: selected?.sequence ?? feasible?.sequence ?? 0,
      distance: isUsable ? selected.distance : UNREACHABLE,
      advert: advertAt > acked || origin === neighbour ? advert : undefined,
      ageMs: 0,
    };
  }

  requested(neighbour: string, { origin, sequence, hops }: SequenceRequest): void {
    const destination = this.#destinations.get(origin);
    if (destination === undefined) return;
    const { selected } = destination;
    if (origin === this.#world.id) {
      // One further at a time, whatever is asked for and however often: numbers must not run out.
      if ((selected?.sequence ?? 0) >= sequence) return this.#tellAgain(destination);
      if (this.#world.nowMs - destination.askedMs < ANNOUNCE_MS) return;
      destination.askedMs = this.#world.nowMs;
      this.#announce((selected?.sequence ?? 0) + 1);
      return;
    }
    if (selected !== undefined && selected.sequence >= sequence) return this.#tellAgain(destination);
    const left = Math.min(hops, HOP_LIMIT) - 1;
    if (left > 0) this.#passOn(neighbour, destination, { origin, sequence, hops: left });
  }

  /** Who asks for what there is already has taken it for something else. */
  #tellAgain(destination: Destination): void {
    if (this.#world.nowMs - destination.toldAgainMs < ANNOUNCE_MS) return;
    destination.toldAgainMs = this.#world.nowMs;
    this.exchanges.changed(destination, false);
  }

  tick(): void {
    const { nowMs } = this.#world;
    if (nowMs >= this.#askMs) {
      this.#askMs = this.#unfed.size === 0 ? Number.POSITIVE_INFINITY : nowMs + ASK_MS;
      for (const destination of this.#unfed) this.#ask(destination);
    }
    this.exchanges.tick();
    if (nowMs - this.#sweptMs >= SWEEP_MS) this.#sweep();
  }

  get nextTickMs(): number {
    return Math.min(this.exchanges.nextTickMs, this.#askMs);
  }

  next(destination: string): string | undefined {
    return this.#destinations.get(destination)?.selected?.next;
  }

  distance(destination: string): number | undefined {
    return this.#destinations.get(destination)?.selected?.distance;
  }

  way(destination: string, attempt: number): Way | undefined {
    const next = this.next(destination);
    if (next === undefined || destination === this.#world.id) return undefined;
    if (attempt === 0) return { next, via: [] };
    // Those that say that they lead there, and then those that do not: they may know of a way by now, or go by this node.
    const all = [...this.#othersTo(destination, next), ...this.#told.keys()];
    const others = [...new Set(all)].filter((id) => {
      return id !== destination && id !== next && this.#told.get(id)?.isUp === true;
    });
    return detour(destination, next, others, this.routes(), attempt);
  }

  advertOf(destination: string): Advert | undefined {
    return this.#destinations.get(destination)?.advert;
  }

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

  #toldBy(neighbour: string): Told {
    let told = this.#told.get(neighbour);
    if (told === undefined) {
      told = { isUp: false, rows: new Map() };
      this.#told.set(neighbour, told);
    }
    return told;
  }

  #turn(neighbour: string, isUp: boolean): void {
    const told = this.#toldBy(neighbour);
    told.isUp = isUp;
    for (const origin of told.rows.keys()) this.#select(origin);
  }

  #takeAdvert(destination: Destination, advert: Advert): void {
    const { origin, selected } = destination;
    const isRenamed = destination.advert?.name !== advert.name;
    destination.advert = advert;
    if (isRenamed && selected !== undefined)
      this.#world.emit({ type: 'route/found', peer: origin, name: advert.name });
  }

  /** The neighbours but one that have a route to it which does not begin here, the nearest first. */
  #othersTo(destination: string, except: string): string[] {
    return [...this.#told]
      .flatMap(([id, { isUp, rows }]) => {
        const distance = !isUp || id === except ? undefined : rows.get(destination)?.distance;
        return distance === undefined ? [] : [{ id, distance }];
      })
      .sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id);
  }

  #announce(sequence: number): void {
    const { id } = this.#world;
    const own = this.#destination(id, undefined) as Destination;
    own.advert = this.#world.advertise(sequence);
    own.selected = { next: id, sequence, distance: 0 };
    own.feasible = { sequence, distance: 0 };
    this.exchanges.changed(own, true);
  }

  /** `toldBy`: who tells of it. No neighbour brings in more than it leaves free beside it. */
  #destination(origin: string, toldBy: string | undefined): Destination | undefined {
    let destination = this.#destinations.get(origin);
    if (destination === undefined) {
      if (!this.#hasRoom(toldBy) && !(this.#makeRoom() && this.#hasRoom(toldBy))) return undefined;
      this.#toldFirst.add(toldBy, 1);
      destination = newDestination(origin, toldBy, this.#world.nowMs);
      this.#destinations.set(origin, destination);
    }
    return destination;
  }

  /** Chooses among what the neighbours tell of an origin. */
  #select(origin: string, hasNewAdvert = false): void {
    const destination = this.#destinations.get(origin);
    if (destination === undefined) return;
    const { selected: before, feasible } = destination;
    let best: { next: string; sequence: number; distance: number } | undefined;
    let isOffered = false;
    for (const [next, { isUp, rows }] of this.#told) {
      const row = isUp ? rows.get(origin) : undefined;
      if (row === undefined || row.distance + 1 > HOP_LIMIT) continue;
      isOffered = true;
      if (!isNearer(row, feasible)) continue;
      const distance = row.distance + 1;
      const isBetter =
        best === undefined ||
        distance < best.distance ||
        // What is in use stays in use.
        (distance === best.distance && next === before?.next);
      if (isBetter) best = { next, sequence: row.sequence, distance };
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
    if (!isSame) destination.sinceMs = this.#world.nowMs;
    if (!isSame || hasNewAdvert) this.exchanges.changed(destination, hasNewAdvert);
    const name = destination.advert?.name ?? '';
    if (before === undefined && best !== undefined)
      this.#world.emit({ type: 'route/found', peer: origin, name });
    if (before !== undefined && best === undefined)
      this.#world.emit({ type: 'route/lost', peer: origin, name });
    this.#feed(destination, best === undefined && isOffered);
  }

  /** Has newer adverts asked for as long as an origin is told of by no row that is feasible. */
  #feed(destination: Destination, isUnfed: boolean): void {
    if (!isUnfed) {
      this.#unfed.delete(destination);
      return;
    }
    this.#unfed.add(destination);
    this.#ask(destination);
    this.#askMs = Math.min(this.#askMs, this.#world.nowMs + ASK_MS);
  }

  /** Has the origin asked for a newer advert, by all who say that they reach it. */
  #ask(destination: Destination): void {
    const { nowMs } = this.#world;
    if (nowMs - destination.askedMs < ASK_MS) return;
    destination.askedMs = nowMs;
    const request = {
      origin: destination.origin,
      sequence: (destination.feasible?.sequence ?? 0) + 1,
      hops: HOP_LIMIT,
    };
    for (const [neighbour, { isUp, rows }] of this.#told)
      if (isUp && rows.has(destination.origin)) this.exchanges.ask(neighbour, request);
  }

  #passOn(from: string, destination: Destination, request: SequenceRequest): void {
    const { nowMs } = this.#world;
    const { passedMs, passedSequence } = destination;
    if (nowMs - passedMs < ASK_MS && passedSequence >= request.sequence) return;
    const [nearest] = this.#othersTo(destination.origin, from);
    if (nearest === undefined) return;
    destination.passedMs = nowMs;
    destination.passedSequence = request.sequence;
    this.exchanges.ask(nearest, request);
  }

  #hasRoom(toldBy: string | undefined): boolean {
    return this.#destinations.size + this.#toldFirst.of(toldBy) < this.#limits.maxDestinations;
  }

  /** Those that nobody has led to for longest make room: what neighbours know of them by us has been taken back by then. */
  #makeRoom(): boolean {
    if (this.#world.nowMs < this.#roomMs) return false;
    this.#roomMs = this.#world.nowMs + HOLD_MS;
    return this.#forgetLost(HOLD_MS) > 0;
  }

  #sweep(): void {
    this.#sweptMs = this.#world.nowMs;
    this.#forgetLost(FORGET_MS);
  }

  /** Forgets those that nobody has led to, or told of, for so long. Returns how many. */
  #forgetLost(ms: number): number {
    const { nowMs } = this.#world;
    let forgotten = 0;
    for (const destination of this.#destinations.values()) {
      const { origin, selected, sinceMs, toldBy } = destination;
      if (selected !== undefined || nowMs - sinceMs < ms) continue;
      if ([...this.#told.values()].some(({ rows }) => rows.has(origin))) continue;
      this.#destinations.delete(origin);
      this.exchanges.forget(destination);
      forgotten += 1;
      this.#toldFirst.add(toldBy, -1);
    }
    return forgotten;
  }
}
