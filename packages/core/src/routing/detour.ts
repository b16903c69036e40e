import type { Route, Way } from './messages.ts';

/** A prime above any number of destinations: steps of this length come past each of them. */
const STRIDE = 10_007;

/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** So often the best way is tried again: whatever was wrong with it may be over. */
const BEST_EVERY = 8;

/** So many times a single peer is passed before it is two: what most often is enough. */
const SINGLE_FIRST = 8;

/**
 * A way past a peer that need not lie on the best one. A table does not say where a way leads beyond the next hop, so what
 * the first attempts can do is to begin with other neighbours, and what the further ones can do is to pass peers anywhere,
 * at first those that other neighbours lead to; one, or two: a single one is not always enough, where a forwarder in between
 * chooses among ways of the same length.
 */
export function detour(
  destination: string,
  best: string,
  others: readonly string[],
  routes: readonly Route[],
  attempt: number,
): Way {
  const left = new Set([destination, best, ...others]);
  const known = routes.filter((route) => !left.has(route.destination));
  const neighbour = others[attempt - 1];
  if (neighbour !== undefined) return { next: neighbour, via: [neighbour] };
  const step = attempt - 1 - others.length;
  if (step < 0 || step % BEST_EVERY === BEST_EVERY - 1 || known.length + others.length === 0)
    return { next: best, via: [] };
  const start = hash(destination);
  const turn = step - Math.floor(step / BEST_EVERY);
  const singles = Math.min(SINGLE_FIRST, known.length);
  const later = turn - singles;
  if (later < 0 || later % 2 === 0) {
    const number = (later < 0 ? turn : singles + (later >> 1)) % known.length;
    const apart = known.filter(({ next }) => next !== best);
    if (number < apart.length) return past(best, at(apart, start + number * STRIDE));
    const along = known.filter(({ next }) => next === best);
    return past(best, at(along, start + (number - apart.length) * STRIDE));
  }
  // In turn a neighbour and a peer anywhere, and two peers anywhere: each pair once before any comes again.
  const number = later >> 1;
  const pair = number >> 1;
  const first = others[pair % others.length];
  if (number % 2 === 0 && first !== undefined)
    return past(
      best,
      { destination: first, next: first },
      at(known, start + Math.floor(pair / others.length)),
    );
  return past(best, at(known, start + pair), at(known, start + pair + 1 + Math.floor(pair / known.length)));
}

type Waypoint = Pick<Route, 'destination' | 'next'>;

function past(best: string, ...waypoints: (Waypoint | undefined)[]): Way {
  const passed = new Set(waypoints.flatMap((waypoint) => waypoint?.destination ?? []));
  return { next: waypoints.find((waypoint) => waypoint !== undefined)?.next ?? best, via: [...passed] };
}

function at(routes: readonly Route[], number: number): Route | undefined {
  return routes[number % routes.length];
}

function hash(text: string): number {
  let digest = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) digest = Math.imul(digest ^ text.charCodeAt(i), FNV_PRIME);
  return digest >>> 0;
}
