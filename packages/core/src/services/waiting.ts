import type { Admitted } from './access.ts';
import type { ServiceRequest } from './messages.ts';

/** Where a request stands: in the line of all, and in that of its peer. */
class Place {
  readonly request: ServiceRequest;
  /** Lower than that of all who came later. */
  readonly number: number;
  before: Place | undefined;
  after: Place | undefined;
  beforeOfPeer: Place | undefined;
  afterOfPeer: Place | undefined;

  constructor(request: ServiceRequest, number: number) {
    this.request = request;
    this.number = number;
  }
}

/** The ends of a peer's line. */
interface Line {
  first: Place;
  last: Place;
  size: number;
}

/**
 * Requests of one service that wait for a handler, first come first served; any of them can leave. A handler that admits
 * some peers finds theirs without a look at the others: one peer's many must not cost each of another's.
 */
export class Waiting {
  readonly #places = new Map<number, Place>();
  readonly #lines = new Map<string, Line>();
  #first: Place | undefined;
  #last: Place | undefined;
  #lastNumber = 0;

  get size(): number {
    return this.#places.size;
  }

  /** Those of one peer. */
  sizeOf(peer: string): number {
    return this.#lines.get(peer)?.size ?? 0;
  }

  add(request: ServiceRequest): void {
    this.#lastNumber += 1;
    const place = new Place(request, this.#lastNumber);
    place.before = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    this.#places.set(request.key, place);
    const line = this.#lines.get(request.peer);
    if (line === undefined) this.#lines.set(request.peer, { first: place, last: place, size: 1 });
    else {
      line.size += 1;
      place.beforeOfPeer = line.last;
      line.last.afterOfPeer = place;
      line.last = place;
    }
  }

  remove(key: number): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    if (place.before === undefined) this.#first = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#last = place.before;
    else place.after.before = place.before;
    this.#removeFromLine(place);
    return true;
  }

  /** The one that has waited longest of those peers; with `undefined`, of all. */
  oldestOf(admitted: Admitted): ServiceRequest | undefined {
    if (admitted === undefined) return this.#first?.request;
    const isFewer = admitted.size < this.#lines.size;
    let oldest: Place | undefined;
    for (const peer of isFewer ? admitted : this.#lines.keys()) {
      const first = isFewer || admitted.has(peer) ? this.#lines.get(peer)?.first : undefined;
      if (first !== undefined && (oldest === undefined || first.number < oldest.number)) oldest = first;
    }
    return oldest?.request;
  }

  /** In their order; those gone through may be removed on the way. */
  *[Symbol.iterator](): Generator<ServiceRequest, void, undefined> {
    for (let place = this.#first; place !== undefined; place = place.after) yield place.request;
  }

  #removeFromLine({ request: { peer }, beforeOfPeer, afterOfPeer }: Place): void {
    const line = this.#lines.get(peer) as Line;
    line.size -= 1;
    if (beforeOfPeer !== undefined) beforeOfPeer.afterOfPeer = afterOfPeer;
    else if (afterOfPeer !== undefined) line.first = afterOfPeer;
    else this.#lines.delete(peer);
    if (afterOfPeer !== undefined) afterOfPeer.beforeOfPeer = beforeOfPeer;
    else if (beforeOfPeer !== undefined) line.last = beforeOfPeer;
  }
}
