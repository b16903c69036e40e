import { Changes, type Changing } from './changes.ts';
import { entryBytes } from './codec.ts';
import {
  type Entry,
  EXCHANGE_MS,
  type Exchange,
  MAX_ENTRIES,
  MAX_EXCHANGE_BYTES,
  MAX_REQUESTS,
  type SequenceRequest,
} from './messages.ts';
import { Neighbour } from './neighbour.ts';
import type { RoutingWorld, Rows } from './strategy.ts';

/** Changes wait so long for others, in ms, so that a burst of them is one exchange. */
const DAMPING_MS = 50;

/** Between two exchanges with one neighbour, in ms, however much changes. */
const MIN_INTERVAL_MS = 100;

/** What was not answered is sent again after so long, in ms. */
const RESEND_MS = 1_000;

/** A neighbour that has not been heard of for this long, in ms, is as good as gone: not quite two exchanges. */
const SILENT_MS = 9_000;

/**
 * What neighbours have been told, and have acknowledged: each is sent what has changed since, when it has changed, and now
 * and then to say that we are here. What is told is up to the strategy.
 */
export class Exchanges<Item extends Changing = Changing> {
  readonly #world: RoutingWorld;
  readonly #rows: Rows<Item>;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #changes = new Changes<Item>();
  #changedMs = 0;
  #nextTickMs: number | undefined;

  constructor(world: RoutingWorld, rows: Rows<Item>) {
    this.#world = world;
    this.#rows = rows;
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
    this.#reset(neighbour, undefined);
  }

  /** Whether it is a neighbour. */
  has(peer: string): boolean {
    return this.#neighbours.has(peer);
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
    if (exchange.ack > 0) this.#raise(neighbour);
    // It does not hear us, if that is no old news.
    else if (exchange.version >= neighbour.applied) this.#lower(neighbour);
    if (exchange.base <= neighbour.applied && exchange.version > neighbour.applied) {
      for (const entry of exchange.entries) this.#rows.take(from, entry);
      neighbour.applied = exchange.version;
    }
    for (const request of exchange.requests) this.#rows.requested(from, request);
  }

  /** What a neighbour is to be told now: our answer to what it has told us. */
  exchangeFor(peer: string): Exchange | undefined {
    const neighbour = this.#neighbours.get(peer);
    return neighbour === undefined ? undefined : this.#exchange(neighbour);
  }

  /** There is something new to tell, also a new advert or not. */
  changed(item: Item, hasNewAdvert: boolean): void {
    if (!this.#world.forwards && item.origin !== this.#world.id) return;
    this.#nextTickMs = undefined;
    this.#changedMs = this.#world.nowMs;
    this.#changes.add(item, hasNewAdvert);
  }

  /** There is nothing to tell of it any more. */
  forget(item: Item): void {
    this.#changes.remove(item);
  }

  /** Has a neighbour told that a newer advert is wanted. */
  ask(peer: string, request: SequenceRequest): void {
    const requests = this.#neighbours.get(peer)?.requests;
    const before = requests?.get(request.origin);
    if (requests === undefined || (before !== undefined && before.sequence >= request.sequence)) return;
    this.#nextTickMs = undefined;
    requests.set(request.origin, request);
  }

  tick(): void {
    this.#nextTickMs = undefined;
    const { nowMs } = this.#world;
    // When one is heard of again it tells everything.
    for (const neighbour of this.#neighbours.values()) {
      if (nowMs - neighbour.heardMs < SILENT_MS || neighbour.epoch === undefined) continue;
      this.#reset(neighbour, undefined);
      neighbour.isToLearn = true;
    }
    for (const neighbour of this.#neighbours.values())
      if (this.#dueMs(neighbour) <= nowMs) this.#world.push(neighbour.id, this.#exchange(neighbour));
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
      if (neighbour.epoch !== undefined) next = Math.min(next, neighbour.heardMs + SILENT_MS);
    }
    return next;
  }

  /** Forgets what it has told: it begins anew. */
  #reset(neighbour: Neighbour, epoch: number | undefined): void {
    neighbour.epoch = epoch;
    neighbour.applied = 0;
    this.#lower(neighbour);
    this.#rows.forget(neighbour.id);
  }

  #raise(neighbour: Neighbour): void {
    if (neighbour.isUp) return;
    neighbour.isUp = true;
    this.#rows.up(neighbour.id);
  }

  #lower(neighbour: Neighbour): void {
    if (!neighbour.isUp) return;
    neighbour.isUp = false;
    this.#rows.down(neighbour.id);
  }

  /** When the neighbour is to be told something. */
  #dueMs(neighbour: Neighbour): number {
    const { sentMs, sent, acked, requests, isToLearn } = neighbour;
    let due = sentMs + EXCHANGE_MS;
    if (sent > acked) due = Math.min(due, sentMs + RESEND_MS);
    if (this.#changes.version > sent) due = Math.min(due, this.#changedMs + DAMPING_MS);
    if (requests.size > 0 || isToLearn) due = Math.min(due, sentMs);
    return Math.max(due, sentMs + MIN_INTERVAL_MS);
  }

  #exchange(neighbour: Neighbour): Exchange {
    this.#nextTickMs = undefined;
    const { id, acked: base, requests, applied: ack } = neighbour;
    const { entries, version } = this.#entriesFor(id, base);
    neighbour.sent = version;
    neighbour.sentMs = this.#world.nowMs;
    neighbour.isToLearn = false;
    const asked: SequenceRequest[] = [];
    for (const [origin, request] of requests) {
      if (asked.length === MAX_REQUESTS) break;
      asked.push(request);
      requests.delete(origin);
    }
    const epoch = this.#world.firstSequence;
    return { epoch, base, version, ack, entries, requests: asked };
  }

  #entriesFor(peer: string, base: number): { entries: Entry[]; version: number } {
    const entries: Entry[] = [];
    const told = new Set<Item>();
    let bytes = 0;
    let reached = base;
    for (const { item, version } of this.#changes.after(base)) {
      const entry = told.has(item) ? undefined : this.#rows.entryFor(peer, item, base);
      if (entry !== undefined) {
        bytes += entryBytes(entry);
        if (entries.length === MAX_ENTRIES || bytes > MAX_EXCHANGE_BYTES)
          return { entries, version: reached };
        entries.push(entry);
        told.add(item);
      }
      reached = version;
    }
    return { entries, version: this.#changes.version };
  }
}
