import type { RoutingStrategy } from '@peerd/protocol';
import { HOP_LIMIT } from '../hop-limit.ts';
import { encodeExchange } from '../routing/codec.ts';
import { defaultRoutingLimits, type RoutingLimits } from '../routing/limits.ts';
import type { Exchange } from '../routing/messages.ts';
import { strategyOf } from '../routing/state.ts';
import type { RoutingWorld, Strategy } from '../routing/strategy.ts';
import { type Actor, Simulation, type Weather, type World } from './simulation.ts';

/** What routers tell each other. */
export interface Told {
  readonly exchange: Exchange;
  readonly isAnswer: boolean;
}

export interface RouterOptions {
  /** Default: `table`. */
  readonly strategy?: RoutingStrategy;
  /** Whether it forwards for others. Default: true. */
  readonly forwards?: boolean;
  readonly limits?: RoutingLimits;
  /** Whether it loses what it should forward, and tells nobody. Default: false. */
  readonly drops?: boolean;
}

/** As long as those of real adverts. */
const encryptionKey = new Uint8Array(32);
const signature = new Uint8Array(64);

/** A node that does nothing but routing: it answers what it is told with what it has to tell. */
export class Router implements Actor<Told> {
  readonly strategy: Strategy;
  /** What it has told, as it is encoded. */
  sentBytes = 0;
  /** Whether it loses what it should forward. */
  drops: boolean;
  readonly #world: World<Told>;

  /** `firstSequence` has to be above that of any earlier run. */
  constructor(
    world: World<Told>,
    firstSequence: number,
    { strategy = 'table', forwards = true, limits = defaultRoutingLimits, drops = false }: RouterOptions = {},
  ) {
    this.#world = world;
    this.drops = drops;
    const routing: RoutingWorld = {
      id: world.id,
      get nowMs() {
        return world.nowMs;
      },
      get dateMs() {
        return world.nowMs;
      },
      firstSequence,
      forwards,
      advertise: (sequence, links) => {
        const own = { origin: world.id, sequence, name: world.id, encryptionKey, signature };
        return links === undefined ? own : { ...own, links };
      },
      random: () => world.random(),
      push: (to, exchange) => this.#send(to, { exchange, isAnswer: false }),
      emit: () => {},
    };
    this.strategy = strategyOf(strategy, routing, limits);
  }

  linked(peer: string): void {
    this.strategy.exchanges.linked(peer);
  }

  unlinked(peer: string): void {
    this.strategy.exchanges.unlinked(peer);
  }

  receive(from: string, { exchange, isAnswer }: Told): void {
    const { exchanges } = this.strategy;
    exchanges.take(from, exchange);
    const answer = isAnswer ? undefined : exchanges.exchangeFor(from);
    if (answer !== undefined) this.#send(from, { exchange: answer, isAnswer: true });
  }

  tick(): void {
    this.strategy.tick();
  }

  get nextTickMs(): number {
    return this.strategy.nextTickMs;
  }

  #send(to: string, told: Told): void {
    this.sentBytes += encodeExchange(told.exchange).length;
    this.#world.send(to, told);
  }
}

export type RouterNetwork = Simulation<Told, Router>;

/** Routers without links; one that restarts begins with the time as its sequence. */
export function networkOfRouters(
  seed: number,
  ids: readonly string[],
  weather: Partial<Weather> = {},
  options: RouterOptions = {},
): RouterNetwork {
  const network: RouterNetwork = new Simulation(seed, weather, ({ isAnswer, exchange }) =>
    [isAnswer, exchange.base, exchange.version, exchange.ack, exchange.entries.length].join(' '),
  );
  for (const id of ids) network.add(id, (world) => new Router(world, Math.floor(network.nowMs) + 1, options));
  return network;
}

/** The nodes that a message passes now, the ends included, or how it fails; `attempt`: as in `Ways.way`. */
export function walk(
  network: RouterNetwork,
  from: string,
  to: string,
  attempt = 0,
): string[] | 'loop' | 'nowhere' {
  const path = [from];
  const passed = new Set<string>();
  let via = network.actor(from).strategy.way(to, attempt)?.via;
  for (let at = from; at !== to; path.push(at)) {
    if (!network.isUp(at)) return 'nowhere';
    const { strategy, drops } = network.actor(at);
    if (via === undefined || (drops && at !== from)) return 'nowhere';
    if (via[0] === at) via = via.slice(1);
    const target = via[0] ?? to;
    // A path leads along links; that there is one is known where it begins.
    const isNear = network.isLinked(at, target) && (strategy.strategy === 'source' || target !== to);
    const next = isNear ? target : strategy.strategy === 'table' ? strategy.next(target) : undefined;
    if (next === undefined || !network.carries(at, next)) return 'nowhere';
    const step = `${next} ${via.length}`;
    if (passed.has(step)) return 'loop';
    passed.add(step);
    at = next;
  }
  return path;
}

/** Where messages go round if each node sends them to its `next`: a node on each such way, and the destination. */
export function loops(
  nodes: readonly string[],
  next: (node: string, destination: string) => string | undefined,
): string[] {
  const found: string[] = [];
  for (const destination of nodes) {
    /** Those from which nothing goes round that was not found yet. */
    const done = new Set([destination]);
    for (const start of nodes) {
      const path = new Set<string>();
      let at: string | undefined = start;
      while (at !== undefined && !done.has(at) && !path.has(at)) {
        path.add(at);
        at = next(at, destination);
      }
      if (at !== undefined && path.has(at)) found.push(`${at} to ${destination}`);
      for (const node of path) done.add(node);
    }
  }
  return found;
}

/** Pairs that are connected, over links that carry both ways, but can't send each other anything now. */
export function brokenPairs(network: RouterNetwork): string[] {
  const neighbours = neighboursIn(network);
  return [...network.actors.keys()].flatMap((from) =>
    [...spread(neighbours, from).keys()]
      .filter((to) => to !== from && !Array.isArray(walk(network, from, to)))
      .map((to) => `${from} to ${to}`),
  );
}

/** Whether every node has the shortest way to every other, and to nothing else. */
export function isConverged(network: RouterNetwork): boolean {
  const neighbours = neighboursIn(network);
  return [...network.actors].every(([from, { strategy }]) => {
    const distances = spread(neighbours, from);
    const routes = strategy.routes();
    return (
      routes.length === distances.size - 1 &&
      routes.every(({ destination, distance }) => distances.get(destination) === distance)
    );
  });
}

function neighboursIn(network: RouterNetwork): Map<string, string[]> {
  const neighbours = new Map<string, string[]>(network.ids.map((id) => [id, []]));
  for (const [a, b] of network.links) {
    if (!network.carries(a, b) || !network.carries(b, a)) continue;
    neighbours.get(a)?.push(b);
    neighbours.get(b)?.push(a);
  }
  return neighbours;
}

/** Links from a node to each other one, breadth first; what is too far is left out. */
function spread(neighbours: ReadonlyMap<string, readonly string[]>, from: string): Map<string, number> {
  const distances = new Map([[from, 0]]);
  for (const [at, distance] of distances) {
    if (distance === HOP_LIMIT) continue;
    for (const next of neighbours.get(at) ?? []) if (!distances.has(next)) distances.set(next, distance + 1);
  }
  return distances;
}
