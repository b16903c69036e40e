import { HOP_LIMIT } from '../hop-limit.ts';
import { cheapestWays, type LinksOf, pathTo } from './dijkstra.ts';
import type { Way } from './messages.ts';

/** Different ways to one destination; the next attempt begins again with the first. */
const MAX_WAYS = 8;

/** So often the search for another way may come to one that is there already. */
const REPEATS = 3;

/** Destinations whose ways are kept: those that are in use. */
const KEPT_DESTINATIONS = 1_024;

/** What a peer or a link costs for each earlier way that it is on: more than any detour. */
const PENALTY: number = HOP_LIMIT + 1;

/** The best way to a destination. */
export interface Best {
  readonly next: string;
  readonly distance: number;
  readonly sinceMs: number;
}

/** The ways that were found to a destination. */
interface Found {
  readonly ways: Way[];
  /** How many of them, those that came twice counted twice, pass a peer or take a link. */
  readonly uses: Map<string, number>;
  /** How often none was found that is not there already. */
  repeats: number;
}

/** Ways over links that are known, worked out when they change and kept until they change again. */
export class Paths {
  readonly #from: string;
  readonly #linksOf: LinksOf;
  #best = new Map<string, Best>();
  #tree = cheapestWays('', () => []);
  readonly #found = new Map<string, Found>();

  constructor(from: string, linksOf: LinksOf) {
    this.#from = from;
    this.#linksOf = linksOf;
  }

  /** By destination, this node itself left out. */
  get best(): ReadonlyMap<string, Best> {
    return this.#best;
  }

  /** The links have changed. */
  workOut(nowMs: number): void {
    this.#found.clear();
    this.#tree = cheapestWays(this.#from, this.#linksOf);
    const best = new Map<string, Best>();
    // Whoever comes before another on its way is reached before it.
    for (const [node, { before, links }] of this.#tree) {
      if (before === undefined) continue;
      const next = before === this.#from ? node : (best.get(before) as Best).next;
      const known = this.#best.get(node);
      const isSame = known?.next === next && known.distance === links;
      best.set(node, isSame ? known : { next, distance: links, sinceMs: nowMs });
    }
    this.#best = best;
  }

  way(destination: string, attempt: number): Way | undefined {
    if (!this.#best.has(destination)) return undefined;
    const { ways } = this.#foundTo(destination, Math.min(attempt, MAX_WAYS - 1));
    return ways[attempt % ways.length];
  }

  #foundTo(destination: string, attempt: number): Found {
    let found = this.#found.get(destination);
    if (found === undefined) {
      if (this.#found.size >= KEPT_DESTINATIONS) this.#found.clear();
      const way = wayOf(pathTo(this.#tree, destination));
      found = { ways: [way], uses: new Map(), repeats: 0 };
      this.#use(found, destination, way);
      this.#found.set(destination, found);
    }
    while (found.ways.length <= attempt && found.repeats < REPEATS) this.#findAnother(found, destination);
    return found;
  }

  /** One that has as little as can be in common with those before. */
  #findAnother(found: Found, destination: string): void {
    const penaltyOf = (what: string) => PENALTY * (found.uses.get(what) ?? 0);
    const costOf = (from: string, to: string) =>
      1 + penaltyOf(linkName(from, to)) + (to === destination ? 0 : penaltyOf(to));
    const reached = cheapestWays(this.#from, this.#linksOf, costOf, destination);
    const way = reached.has(destination) ? wayOf(pathTo(reached, destination)) : undefined;
    const isNew = way !== undefined && !found.ways.some(({ via }) => via.join() === way.via.join());
    if (isNew) found.ways.push(way);
    else found.repeats += 1;
    if (way !== undefined) this.#use(found, destination, way);
  }

  #use({ uses }: Found, destination: string, { via }: Way): void {
    const count = (what: string) => uses.set(what, (uses.get(what) ?? 0) + 1);
    let before = this.#from;
    for (const peer of [...via, destination]) {
      count(linkName(before, peer));
      if (peer !== destination) count(peer);
      before = peer;
    }
  }
}

function linkName(from: string, to: string): string {
  return `${from} ${to}`;
}

function wayOf(path: readonly string[]): Way {
  return { next: path[0] as string, via: path.slice(0, -1) };
}
