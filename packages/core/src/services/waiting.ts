import type { ServiceRequest } from './messages.ts';

class Place {
  readonly request: ServiceRequest;
  before: Place | undefined;
  after: Place | undefined;

  constructor(request: ServiceRequest) {
    this.request = request;
  }
}

/** Requests of one service that wait for a handler, first come first served; any of them can leave. */
export class Waiting {
  readonly #places = new Map<number, Place>();
  #first: Place | undefined;
  #last: Place | undefined;

  get size(): number {
    return this.#places.size;
  }

  add(request: ServiceRequest): void {
    const place = new Place(request);
    place.before = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    this.#places.set(request.key, place);
  }

  remove(key: number): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    if (place.before === undefined) this.#first = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) this.#last = place.before;
    else place.after.before = place.before;
    return true;
  }

  /** In their order; those gone through may be removed on the way. */
  *[Symbol.iterator](): Generator<ServiceRequest, void, undefined> {
    for (let place = this.#first; place !== undefined; place = place.after) yield place.request;
  }
}
