import { describe, expect, test } from 'vitest';
import type { Advert, Exchange } from '../src/routing/messages.ts';
import { RoutingTable } from '../src/routing/table.ts';
import { isConverged, networkOfRouters, type RouterNetwork, walk } from '../src/simulation/router.ts';
import { Simulation } from '../src/simulation/simulation.ts';
import { PlainTable, type PlainTableMessage } from './support/plain-table.ts';

/** The seed's six. */
const six: Record<string, string[]> = {
  '0': ['4', '1', '2'],
  '1': ['0', '3', '4'],
  '2': ['0', '3', '5'],
  '3': ['1', '2', '5'],
  '4': ['1', '0'],
  '5': ['2', '3'],
};

function sixOf(seed: number): RouterNetwork {
  const network = networkOfRouters(seed, Object.keys(six));
  for (const [a, others] of Object.entries(six)) for (const b of others) network.link(a, b);
  return network;
}

function expectNoLoops(network: RouterNetwork): void {
  for (const from of network.actors.keys())
    for (const { destination } of network.actor(from).strategy.routes())
      if (walk(network, from, destination) === 'loop')
        expect.fail(`${from} to ${destination} goes round, at ${network.nowMs} ms`);
}

describe('the six nodes of the seed', () => {
  test('find the shortest ways, and another when a link on the way is cut', () => {
    const network = sixOf(1);
    expect(network.run(15_000, () => isConverged(network))).toBe(true);
    const path = walk(network, '4', '5') as string[];
    expect(path).toHaveLength(4);
    network.cut(path[1] as string, path[2] as string);
    expect(network.run(15_000, () => isConverged(network))).toBe(true);
    const other = walk(network, '4', '5') as string[];
    expect(other).toHaveLength(4);
    expect(other).not.toEqual(path);
  });

  test('have the same trace with the same seed, and another with another', () => {
    const digestOf = (seed: number) => {
      const network = sixOf(seed);
      network.run(20_000);
      return network.digest;
    };
    expect(digestOf(7)).toBe(digestOf(7));
    expect(digestOf(7)).not.toBe(digestOf(8));
  });
});

test('nodes agree on more destinations than there are rows in an exchange', () => {
  const ids = Array.from({ length: 150 }, (_, i) => `n${i}`);
  const network = networkOfRouters(1, ids);
  for (let i = 0; i < ids.length; i += 1)
    for (const step of [1, 11, 37]) network.link(ids[i] as string, ids[(i + step) % ids.length] as string);
  network.run(5_000);
  expect(isConverged(network)).toBe(true);
});

describe('random networks', () => {
  const seeds = Array.from({ length: Number(process.env.SEEDS ?? 60) }, (_, i) => i + 1);

  test.each(seeds)('with links cut and brought back, and nodes that crash and restart: seed %i', (seed) => {
    const ids = Array.from({ length: 8 }, (_, i) => `n${i}`);
    const network = networkOfRouters(
      seed,
      ids,
      seed % 3 === 0 ? { loss: 0.1, duplication: 0.1, reordering: true } : {},
    );
    const one = <T>(of: readonly T[]): T => of[Math.floor(network.random() * of.length)] as T;
    for (let i = 1; i < ids.length; i += 1)
      network.link(ids[i] as string, ids[Math.floor(network.random() * i)] as string);
    for (let i = 0; i < 5; i += 1) {
      const [a, b] = [one(ids), one(ids)];
      if (a !== b) network.link(a, b);
    }
    for (let step = 0; step < 25; step += 1) {
      const [a, b] = [one(ids), one(ids)];
      const kind = network.random();
      if (kind < 0.35 && network.links.length > 0) network.cut(...one(network.links));
      else if (kind < 0.75 && a !== b && network.isUp(a) && network.isUp(b)) network.link(a, b);
      else if (kind < 0.85) network.crash(a);
      else if (kind < 0.95 && !network.isUp(a)) {
        network.restart(a);
        if (a !== b && network.isUp(b)) network.link(a, b);
      }
      network.run(network.random() * 2_000, () => {
        expectNoLoops(network);
        return false;
      });
    }
    // Lost exchanges are sent again; without loss it is much faster.
    expect(network.run(40_000, () => isConverged(network))).toBe(true);
    expectNoLoops(network);
  });
});

describe('a line whose end is cut off', () => {
  const line = ['a', 'b', 'c', 'd', 'e'];

  test('by the rules of the seed counts towards infinity, and messages go round meanwhile', () => {
    const network = new Simulation<PlainTableMessage, PlainTable>(1);
    for (const id of line) network.add(id, (world) => new PlainTable(world));
    for (let i = 1; i < line.length; i += 1) network.link(line[i - 1] as string, line[i] as string);
    const distance = () => network.actor('a').rows.get('e')?.distance ?? 0;
    expect(network.run(60_000, () => distance() === 4)).toBe(true);
    network.cut('d', 'e');
    // Further than there are nodes, and on it goes.
    expect(network.run(600_000, () => distance() > 50)).toBe(true);
    const next = (id: string) => network.actor(id).next('e');
    expect([next('c'), next('d')]).toEqual(['d', 'c']);
  });

  test('is gone from all tables as soon as the news is there', () => {
    const network = networkOfRouters(1, line);
    for (let i = 1; i < line.length; i += 1) network.link(line[i - 1] as string, line[i] as string);
    expect(network.run(15_000, () => isConverged(network))).toBe(true);
    network.cut('d', 'e');
    let farthest = 0;
    const isGone = () => {
      expectNoLoops(network);
      const rows = line.slice(0, 4).flatMap((id) => network.actor(id).strategy.routes());
      const left = rows.filter(({ destination }) => destination === 'e').map(({ distance }) => distance);
      farthest = Math.max(farthest, ...left);
      return left.length === 0;
    };
    expect(network.run(2_000, isGone)).toBe(true);
    expect(farthest).toBe(4);
  });
});

function advertOf(origin: string, sequence: number): Advert {
  return { origin, sequence, name: origin, encryptionKey: new Uint8Array(0), signature: new Uint8Array(0) };
}

describe('a neighbour that does not tell the truth', () => {
  const tableWith = (...neighbours: string[]) => {
    const world = {
      id: 'self',
      nowMs: 0,
      firstSequence: 1,
      forwards: true,
      advertise: (sequence: number) => advertOf('self', sequence),
      push: () => {},
      emit: () => {},
    };
    const table = new RoutingTable(world, { maxDestinations: 100, maxEntriesPerNeighbour: 50 });
    for (const each of neighbours) table.exchanges.linked(each);
    return table;
  };
  let version = 0;
  const says = (table: RoutingTable, from: string, ...entries: Exchange['entries']) => {
    version += 1;
    table.exchanges.take(from, { epoch: 1, base: 0, version, ack: 1, entries, requests: [] });
  };
  const row = (origin: string, distance: number, sequence = 5, signed: number | null = sequence) => ({
    origin,
    sequence,
    distance,
    advert: signed === null ? undefined : advertOf(origin, signed),
  });

  test('can not say that it is another, or nowhere near itself', () => {
    const table = tableWith('bob');
    says(table, 'bob', row('carol', 0), row('bob', 1), row('dave', -1), row('erin', 0.5));
    expect(table.routes()).toEqual([]);
    expect(table.counters).toEqual([{ name: 'malformed routes', count: 4 }]);
  });

  test('can not make adverts newer than their origin did, and so keep true rows out', () => {
    const table = tableWith('mallory', 'bob');
    says(table, 'mallory', row('carol', 1, 1_000_000, 5), row('carol', 1, 1_000_000, null));
    expect(table.routes()).toEqual([]);
    says(table, 'bob', row('carol', 3, 5));
    expect(table.next('carol')).toBe('bob');
  });

  test('that tells of more than it may is listened to for so many, and others for the rest', () => {
    const table = tableWith('mallory', 'bob');
    for (let i = 0; i < 1_000; i += 1) says(table, 'mallory', row(`m${i}`, 1));
    expect(table.routes()).toHaveLength(50);
    expect(table.quotas[1].info).toMatchObject({ size: 50, limit: 50, refused: 950 });
    says(table, 'bob', row('carol', 2));
    expect(table.next('carol')).toBe('bob');
  });

  test('can not have numbers run out by asking for newer adverts', () => {
    const table = tableWith('mallory');
    const ask = { origin: 'self', sequence: Number.MAX_SAFE_INTEGER, hops: 16 };
    for (let i = 0; i < 100; i += 1) {
      version += 1;
      table.exchanges.take('mallory', {
        epoch: 1,
        base: 0,
        version,
        ack: 0,
        entries: [],
        requests: Array(256).fill(ask),
      });
    }
    expect(table.advertOf('self')?.sequence).toBe(2);
  });
});
