import { describe, expect, test } from 'vitest';
import { defaultRoutingLimits } from '../src/routing/limits.ts';
import { type Advert, type Entry, type Exchange, MAX_ENTRIES } from '../src/routing/messages.ts';
import { RoutingTable } from '../src/routing/table.ts';
import { isConverged, loops, networkOfRouters } from '../src/simulation/router.ts';
import { Simulation } from '../src/simulation/simulation.ts';
import { PlainTable, type PlainTableMessage } from './support/plain-table.ts';

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
    expect(loops(line, (node, to) => network.actor(node).next(to))).not.toEqual([]);
  });

  test('is gone from all tables as soon as the news is there', () => {
    const network = networkOfRouters(1, line);
    for (let i = 1; i < line.length; i += 1) network.link(line[i - 1] as string, line[i] as string);
    expect(network.run(15_000, () => isConverged(network))).toBe(true);
    network.cut('d', 'e');
    let farthest = 0;
    const isGone = () => {
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

const tableWith = (...neighbours: string[]) => {
  const world = {
    id: 'self',
    nowMs: 0,
    dateMs: 0,
    firstSequence: 1,
    forwards: true,
    random: () => 0,
    advertise: (sequence: number) => advertOf('self', sequence),
    push: () => {},
    emit: () => {},
  };
  const table = new RoutingTable(world, {
    ...defaultRoutingLimits,
    maxDestinations: 100,
    maxEntriesPerNeighbour: 50,
  });
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
  ageMs: 0,
});

test('a row that changes again before an exchange with it is full goes with its advert', () => {
  const table = tableWith('bob', 'dave', 'carol');
  says(table, 'bob', row('changing', 2));
  for (const neighbour of ['bob', 'dave'])
    for (let i = 0; i < 45; i += 1) says(table, neighbour, row(`${neighbour}${i}`, 1));
  says(table, 'bob', row('changing', 1, 5, null));
  const told: Entry[] = [];
  for (let ack = 0, i = 0; i < 3; i += 1) {
    table.exchanges.take('carol', { epoch: 1, base: 0, version: 1, ack, entries: [], requests: [] });
    const exchange = table.exchanges.exchangeFor('carol') as Exchange;
    told.push(...exchange.entries);
    ack = exchange.version;
  }
  expect(told.length).toBeGreaterThan(MAX_ENTRIES);
  const first = told.find(({ origin }) => origin === 'changing');
  expect(first).toMatchObject({ distance: 2, advert: { origin: 'changing', sequence: 5 } });
});

describe('a neighbour that does not tell the truth', () => {
  test('can not say that it is another, or nowhere near itself', () => {
    const table = tableWith('bob');
    says(table, 'bob', row('carol', 0), row('bob', 1), row('dave', -1), row('erin', 0.5));
    expect(table.routes()).toEqual([]);
    expect(table.counters).toContainEqual({ name: 'malformed routes', count: 4 });
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
