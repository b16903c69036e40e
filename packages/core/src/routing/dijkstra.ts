import { HOP_LIMIT } from '../hop-limit.ts';
import { Heap } from './heap.ts';

/** How a node is reached. */
export interface Reached {
  /** The one before it; `undefined` at the start. */
  readonly before: string | undefined;
  readonly cost: number;
  readonly links: number;
}

/** The nodes that a message can go to from this one. */
export type LinksOf = (node: string) => Iterable<string>;

/** What a link costs; 1 for each makes the ways with the fewest links. */
export type CostOf = (from: string, to: string) => number;

/**
 * The cheapest ways from a node, to all or until `to` is reached (Dijkstra, A note on two problems in connexion with graphs,
 * 1959). What is further than `HOP_LIMIT` links along the cheapest way is left out.
 */
export function cheapestWays(
  from: string,
  linksOf: LinksOf,
  costOf: CostOf = () => 1,
  to?: string,
): Map<string, Reached> {
  const reached = new Map<string, Reached>();
  const heap = new Heap<{ node: string; before: string | undefined; links: number }>();
  heap.add({ node: from, before: undefined, links: 0 }, 0);
  for (let least = heap.take(); least !== undefined; least = heap.take()) {
    const { node, before, links } = least.item;
    if (reached.has(node)) continue;
    reached.set(node, { before, cost: least.weight, links });
    if (node === to) break;
    if (links === HOP_LIMIT) continue;
    for (const next of linksOf(node))
      if (!reached.has(next))
        heap.add({ node: next, before: node, links: links + 1 }, least.weight + costOf(node, next));
  }
  return reached;
}

/** The nodes on the way to one that is reached, it included, the start not. */
export function pathTo(reached: ReadonlyMap<string, Reached>, to: string): string[] {
  const path: string[] = [];
  let node: string | undefined = to;
  while (node !== undefined) {
    const before: string | undefined = reached.get(node)?.before;
    if (before !== undefined) path.push(node);
    node = before;
  }
  return path.reverse();
}
