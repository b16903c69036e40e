import type { Actor, World } from '../../src/simulation/simulation.ts';

/** A row: the neighbour that it begins with, and how many links it takes. */
type Row = { next: string; distance: number };

/** What the seed has neighbours tell each other: their whole tables. */
export type PlainTableMessage = Record<string, number>;

const EXCHANGE_MS = 5_000;

/**
 * The seed's own rules: neighbours are put into the table with distance 1 and taken out when they leave; every 5 s the
 * tables are exchanged, and of what a neighbour has, what is new or nearer is taken over, one further.
 */
export class PlainTable implements Actor<PlainTableMessage> {
  readonly rows = new Map<string, Row>();
  nextTickMs: number;
  readonly #world: World<PlainTableMessage>;
  readonly #neighbours = new Set<string>();

  constructor(world: World<PlainTableMessage>) {
    this.#world = world;
    this.nextTickMs = world.nowMs + world.random() * EXCHANGE_MS;
  }

  linked(peer: string): void {
    this.#neighbours.add(peer);
    this.rows.set(peer, { next: peer, distance: 1 });
  }

  unlinked(peer: string): void {
    this.#neighbours.delete(peer);
    for (const [destination, { next }] of this.rows) if (next === peer) this.rows.delete(destination);
  }

  receive(from: string, table: PlainTableMessage): void {
    for (const [destination, distance] of Object.entries(table)) {
      if (destination === this.#world.id) continue;
      const row = this.rows.get(destination);
      // A row is as its next hop says, or it would never be put right at all.
      if (row === undefined || distance + 1 < row.distance || row.next === from)
        this.rows.set(destination, { next: from, distance: distance + 1 });
    }
  }

  tick(): void {
    this.nextTickMs = this.#world.nowMs + EXCHANGE_MS;
    const table = Object.fromEntries([...this.rows].map(([id, { distance }]) => [id, distance]));
    for (const peer of this.#neighbours) this.#world.send(peer, table);
  }

  next(destination: string): string | undefined {
    return this.rows.get(destination)?.next;
  }
}
