import type { CounterInfo } from '@peerd/protocol';
import { Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import { isSameLinks } from './advert.ts';
import type { Advertised } from './advertised.ts';
import { Exchanges } from './exchanges.ts';
import type { RoutingLimits } from './limits.ts';
import { type Advert, type Entry, type Links, MAX_LINKS, type Route, type Way } from './messages.ts';
import { Paths } from './paths.ts';
import type { RoutingWorld, Rows, Strategy } from './strategy.ts';

/** An advert counts for nothing when it is as old as that, in ms: it was not renewed three times. */
const MAX_AGE_MS = 100_000;

/** Our own is renewed this often, in ms, less up to a tenth, so that those of a network do not come together. */
const RENEW_MS = 30_000;

/** A change of our links waits so long for others, in ms, and for the change before it. */
const CHANGE_DAMPING_MS = 50;
const MIN_ANNOUNCE_MS = 500;

/** The ways are worked out again this long after the last time at the earliest, in ms: it takes some ms with thousands of nodes. */
const WORK_OUT_MS = 100;

/** How much younger an advert has to turn out to be, in ms, before neighbours are told again. */
const REDATE_MS = 5_000;

/**
 * So far, in ms, clocks of one network may be apart: an advert says when it was made, and one that was made longer ago than
 * `MAX_AGE_MS` and that, or later than that from now, is none. So the sequence of one that has grown too old has to be
 * remembered only for as long as its date would pass. Clocks that nobody sets drift by some seconds a week; it is as much as
 * Kerberos allows (RFC 4120, 1.6).
 */
const CLOCK_TOLERANCE_MS = 300_000;

/** Width of the slots of deadlines, in ms: nothing here needs more precision. */
const SLOT_MS = 1_000;

/**
 * Link state: each node says whom it has a connection to, everyone passes that on to all, and works out the ways by itself,
 * over links that both ends tell of. A message carries its path.
 */
export class LinkStateTable implements Strategy, Rows<Advertised> {
  readonly strategy = 'source';
  readonly exchanges: Exchanges<Advertised>;
  readonly quotas: readonly [destinations: Quota, entries: Quota, links: Quota];
  readonly #world: RoutingWorld;
  readonly #limits: RoutingLimits;
  readonly #origins = new Map<string, Advertised>();
  readonly #deadlines = new Deadlines<Advertised>(SLOT_MS);
  /** The neighbours that hear us, and we them. */
  readonly #up = new Set<string>();
  readonly #paths: Paths;
  /** What each neighbour has told of first: origins, and the links that their adverts name. */
  readonly #shares = new Map<string, { origins: number; links: number }>();
  #links = 0;
  #announcedMs = Number.NEGATIVE_INFINITY;
  #announceMs = 0;
  #workedOutMs = Number.NEGATIVE_INFINITY;
  #isStale = false;
  #malformed = 0;
  #outdated = 0;
  #redated = 0;

  constructor(world: RoutingWorld, limits: RoutingLimits) {
    this.#world = world;
    this.#limits = limits;
    this.exchanges = new Exchanges(world, this);
    this.#paths = new Paths(world.id, (node) => this.#linksOf(node));
    this.quotas = [
      new Quota(
        'destinations',
        'items',
        () => limits.maxDestinations,
        () => this.#origins.size,
      ),
      new Quota(
        'routes of the neighbour with most',
        'items',
        () => limits.maxEntriesPerNeighbour,
        () => Math.max(0, ...[...this.#shares.values()].map(({ origins }) => origins)),
      ),
      new Quota(
        'links in adverts',
        'items',
        () => limits.maxLinks,
        () => this.#links,
      ),
    ];
    this.#announce(world.firstSequence);
  }

  get counters(): readonly CounterInfo[] {
    return [
      { name: 'malformed routes', count: this.#malformed },
      { name: 'outdated adverts', count: this.#outdated },
      { name: 'adverts with a date that is not now', count: this.#redated },
    ];
  }

  up(neighbour: string): void {
    this.#up.add(neighbour);
    this.#linksChanged();
  }

  down(neighbour: string): void {
    this.#up.delete(neighbour);
    this.#linksChanged();
    // A way that begins with it leads nowhere: they are worked out before anybody asks for one.
    this.#workedOutMs = this.#world.nowMs - WORK_OUT_MS;
  }

  /** What it has told stands: others have signed it. But it may have lost it. */
  forget(neighbour: string): void {
    for (const { holders } of this.#origins.values()) holders.delete(neighbour);
  }

  take(neighbour: string, { origin, advert, ageMs }: Entry): void {
    if (advert?.links === undefined || !Number.isSafeInteger(advert.sequence) || !(ageMs >= 0)) {
      this.#malformed += 1;
      return;
    }
    const known = this.#origins.get(origin);
    const { sequence } = advert;
    if (origin === this.#world.id) {
      // An earlier run of ours went further: its adverts must not pass for newer than this one's.
      if (known !== undefined && sequence > known.sequence) this.#announce(sequence + 1);
    } else if (ageMs >= MAX_AGE_MS || (known !== undefined && sequence < known.sequence)) this.#outdated += 1;
    else if (known?.sequence === sequence) this.#takeAgain(neighbour, known, advert, ageMs);
    else if (!this.#isOfNow(advert.links)) this.#redated += 1;
    else this.#takeNew(neighbour, known, advert, ageMs);
  }

  entryFor(neighbour: string, { origin, advert, bornMs, holders }: Advertised): Entry | undefined {
    if (advert === undefined || holders.has(neighbour)) return undefined;
    const ageMs = Math.max(0, Math.round(this.#world.nowMs - bornMs));
    return { origin, sequence: advert.sequence, distance: 0, advert, ageMs };
  }

  /** By source nobody asks for newer adverts. */
  requested(): void {
    this.#malformed += 1;
  }

  tick(): void {
    const { nowMs } = this.#world;
    this.#deadlines.expire(nowMs, (known) => this.#age(known));
    if (nowMs >= this.#announceMs) this.#announce((this.#own?.sequence ?? 0) + 1);
    this.#refresh();
    this.exchanges.tick();
  }

  get nextTickMs(): number {
    const workOutMs = this.#isStale ? this.#workedOutMs + WORK_OUT_MS : Number.POSITIVE_INFINITY;
    return Math.min(this.exchanges.nextTickMs, this.#deadlines.nextMs, this.#announceMs, workOutMs);
  }

  next(destination: string): string | undefined {
    this.#refresh();
    return this.#paths.best.get(destination)?.next;
  }

  distance(destination: string): number | undefined {
    this.#refresh();
    return this.#paths.best.get(destination)?.distance;
  }

  way(destination: string, attempt: number): Way | undefined {
    this.#refresh();
    return this.#paths.way(destination, attempt);
  }

  advertOf(peer: string): Advert | undefined {
    return this.#origins.get(peer)?.advert;
  }

  routes(): Route[] {
    this.#refresh();
    const { nowMs } = this.#world;
    return Array.from(this.#paths.best, ([destination, { next, distance, sinceMs }]) => ({
      destination,
      next,
      distance,
      ageMs: nowMs - sinceMs,
    }));
  }

  get #own(): Advertised | undefined {
    return this.#origins.get(this.#world.id);
  }

  #announce(sequence: number): void {
    const { id, nowMs, dateMs, forwards } = this.#world;
    const advert = this.#world.advertise(sequence, {
      neighbours: [...this.#up].slice(0, MAX_LINKS),
      forwards,
      issuedMs: Math.round(dateMs),
    });
    this.#announcedMs = nowMs;
    this.#announceMs = nowMs + RENEW_MS * (1 - this.#world.random() / 10);
    const own = this.#own ?? this.#add(id, '');
    this.#store(own, advert, nowMs, nowMs);
  }

  #linksChanged(): void {
    const { nowMs } = this.#world;
    const dueMs = Math.max(nowMs + CHANGE_DAMPING_MS, this.#announcedMs + MIN_ANNOUNCE_MS);
    this.#announceMs = Math.min(this.#announceMs, dueMs);
    this.#isStale = true;
  }

  /** As far as clocks agree: whoever plays old ones again can say that they are new, but not date them anew. */
  #isOfNow({ issuedMs }: Links): boolean {
    const agoMs = this.#world.dateMs - issuedMs;
    return agoMs < MAX_AGE_MS + CLOCK_TOLERANCE_MS && agoMs > -CLOCK_TOLERANCE_MS;
  }

  /** The same advert: it may turn out to be younger than a neighbour had said, but not than when it was heard of first. */
  #takeAgain(neighbour: string, known: Advertised, advert: Advert, ageMs: number): void {
    if (known.advert === undefined) {
      this.#outdated += 1;
      return;
    }
    known.holders.add(neighbour);
    const { nowMs } = this.#world;
    const bornMs = Math.min(known.seenMs, nowMs - ageMs);
    if (bornMs - known.bornMs < REDATE_MS || nowMs - bornMs >= MAX_AGE_MS) return;
    known.holders.clear();
    known.holders.add(neighbour);
    this.#store(known, advert, known.seenMs, bornMs);
  }

  #takeNew(neighbour: string, known: Advertised | undefined, advert: Advert, ageMs: number): void {
    const { nowMs } = this.#world;
    const by = this.#shareFor(neighbour, known, advert);
    if (by === undefined) return;
    if (known !== undefined) this.#move(known, by);
    const isRenamed = known?.name !== advert.name;
    const record = known ?? this.#add(advert.origin, neighbour);
    record.holders.clear();
    record.holders.add(neighbour);
    this.#store(record, advert, nowMs, nowMs - ageMs);
    if (isRenamed && this.#paths.best.has(advert.origin))
      this.#world.emit({ type: 'route/found', peer: advert.origin, name: advert.name });
  }

  /**
   * Whose share it is to count for: that of who tells of it, or of who told before; `undefined`: there is no room. No
   * neighbour has more links than it leaves free beside it.
   */
  #shareFor(neighbour: string, known: Advertised | undefined, { links }: Advert): string | undefined {
    const { maxDestinations, maxEntriesPerNeighbour, maxLinks, maxLinksPerNeighbour } = this.#limits;
    const [destinations, entries, allLinks] = this.quotas;
    const count = links?.neighbours.length ?? 0;
    const more = count - (known?.links.size ?? 0);
    const shareOf = (by: string) => this.#shares.get(by) ?? { origins: 0, links: 0 };
    const free = maxLinks - this.#links - Math.max(0, more);
    const fits = (by: string, added: number) =>
      added <= 0 || shareOf(by).links + added <= Math.min(maxLinksPerNeighbour, free);
    let full: Quota | undefined;
    if (known === undefined && shareOf(neighbour).origins >= maxEntriesPerNeighbour) full = entries;
    else if (known === undefined && this.#origins.size >= maxDestinations) full = destinations;
    else if (fits(neighbour, known?.by === neighbour ? more : count)) return neighbour;
    else if (known !== undefined && fits(known.by, more)) return known.by;
    else full = allLinks;
    full.refuse(this.#world);
    return undefined;
  }

  /** To the share of another neighbour. */
  #move(record: Advertised, by: string): void {
    if (record.by === by) return;
    this.#count(record.by, -1, -record.links.size);
    record.by = by;
    this.#count(by, 1, record.links.size);
  }

  #add(origin: string, by: string): Advertised {
    const record: Advertised = {
      origin,
      advert: undefined,
      sequence: 0,
      name: '',
      links: new Set(),
      seenMs: 0,
      bornMs: 0,
      by,
      holders: new Set(),
      changedAt: 0,
      advertAt: 0,
      deadline: undefined,
    };
    this.#origins.set(origin, record);
    this.#count(by, 1, 0);
    return record;
  }

  #store(record: Advertised, advert: Advert, seenMs: number, bornMs: number): void {
    if (!isSameLinks(record.advert?.links, advert.links)) this.#isStale = true;
    this.#setLinks(record, advert.links?.neighbours ?? []);
    record.advert = advert;
    record.sequence = advert.sequence;
    record.name = advert.name;
    record.seenMs = seenMs;
    record.bornMs = bornMs;
    // Our own is renewed.
    if (record.origin !== this.#world.id) this.#setDeadline(record, bornMs + MAX_AGE_MS);
    this.exchanges.changed(record, true);
  }

  #setLinks(record: Advertised, neighbours: readonly string[]): void {
    const links = new Set(neighbours);
    this.#count(record.by, 0, links.size - record.links.size);
    record.links = links;
  }

  #count(by: string, origins: number, links: number): void {
    const share = this.#shares.get(by) ?? { origins: 0, links: 0 };
    share.origins += origins;
    share.links += links;
    this.#links += links;
    if (share.origins === 0) this.#shares.delete(by);
    else this.#shares.set(by, share);
  }

  #setDeadline(record: Advertised, atMs: number): void {
    this.#deadlines.remove(record.deadline);
    record.deadline = this.#deadlines.add(record, atMs);
  }

  /** It is too old, and some time later forgotten. */
  #age(record: Advertised): void {
    if (record.advert === undefined) {
      this.#origins.delete(record.origin);
      this.#count(record.by, -1, 0);
      return;
    }
    this.#isStale = true;
    const { nowMs, dateMs } = this.#world;
    const issuedMs = record.advert.links?.issuedMs ?? 0;
    const passesMs = nowMs + (issuedMs - dateMs) + MAX_AGE_MS + CLOCK_TOLERANCE_MS;
    this.#setLinks(record, []);
    record.advert = undefined;
    record.holders.clear();
    this.exchanges.forget(record);
    this.#setDeadline(record, Math.max(nowMs, passesMs) + SLOT_MS);
  }

  /** Where a message can go to from there, over links that both ends tell of. */
  *#linksOf(node: string): Iterable<string> {
    const isHere = node === this.#world.id;
    const record = this.#origins.get(node);
    if (!isHere && record?.advert?.links?.forwards !== true) return;
    const links = isHere ? this.#up : (record as Advertised).links;
    for (const other of links) if (this.#origins.get(other)?.links.has(node) === true) yield other;
  }

  #refresh(): void {
    if (this.#isStale && this.#world.nowMs >= this.#workedOutMs + WORK_OUT_MS) this.#workOut();
  }

  #workOut(): void {
    const { nowMs } = this.#world;
    const before = this.#paths.best;
    this.#isStale = false;
    this.#workedOutMs = nowMs;
    this.#paths.workOut(nowMs);
    const nameOf = (peer: string) => this.#origins.get(peer)?.name ?? '';
    for (const peer of this.#paths.best.keys())
      if (!before.has(peer)) this.#world.emit({ type: 'route/found', peer, name: nameOf(peer) });
    for (const peer of before.keys())
      if (!this.#paths.best.has(peer)) this.#world.emit({ type: 'route/lost', peer, name: nameOf(peer) });
  }
}
