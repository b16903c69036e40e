import type { Way } from './messages.ts';
import type { RoutingTable } from './table.ts';

/** A prime above any number of destinations: steps of this length come past each of them. */
const STRIDE = 10_007;

/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * A way that passes a peer which need not lie on the best one. The table does not say where a way leads beyond the next
 * hop, so what the first attempts can do is to begin with other neighbours, and what the others can do is to try peers
 * anywhere. When all have been tried it begins again, with the best way.
 */
export function wayOf(table: RoutingTable, destination: string, attempt: number): Way | undefined {
  const best = table.next(destination);
  if (best === undefined || destination === table.id) return undefined;
  if (attempt === 0) return { next: best, via: [] };
  const others = othersTo(table, destination, best);
  const isLeft = new Set([table.id, destination, best, ...others]);
  const known = table.routes().flatMap((route) => (isLeft.has(route.destination) ? [] : [route]));
  const turn = attempt % (others.length + known.length + 1);
  if (turn === 0) return { next: best, via: [] };
  const neighbour = others[turn - 1];
  if (neighbour !== undefined) return { next: neighbour, via: [neighbour] };
  const step = turn - 1 - others.length;
  const waypoint = known[(hash(destination) + step * STRIDE) % known.length];
  return waypoint && { next: waypoint.next, via: [waypoint.destination] };
}

/** The other neighbours that have a route to it which does not begin here, the nearest first. */
function othersTo(table: RoutingTable, destination: string, best: string): string[] {
  return [...table.neighbours]
    .flatMap(({ id, rows }) => {
      const distance = id === best || id === destination ? undefined : rows.get(destination)?.distance;
      return distance === undefined ? [] : [{ id, distance }];
    })
    .sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

function hash(text: string): number {
  let digest = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) digest = Math.imul(digest ^ text.charCodeAt(i), FNV_PRIME);
  return digest >>> 0;
}
