import type { Route, Way } from './messages.ts';

/** A prime above any number of destinations: steps of this length come past each of them. */
const STRIDE = 10_007;

/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * A way past a peer that need not lie on the best one. A table does not say where a way leads beyond the next hop, so what
 * the first attempts can do is to begin with other neighbours, and what the further ones can do is to pass peers anywhere.
 * When all have been tried it begins again, with the best way.
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
  const turn = attempt % (others.length + known.length + 1);
  const neighbour = others[turn - 1];
  if (neighbour !== undefined) return { next: neighbour, via: [neighbour] };
  const step = turn - 1 - others.length;
  const waypoint = step < 0 ? undefined : known[(hash(destination) + step * STRIDE) % known.length];
  if (waypoint === undefined) return { next: best, via: [] };
  return { next: waypoint.next, via: [waypoint.destination] };
}

function hash(text: string): number {
  let digest = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) digest = Math.imul(digest ^ text.charCodeAt(i), FNV_PRIME);
  return digest >>> 0;
}
