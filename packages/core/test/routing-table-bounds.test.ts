import { beforeEach, expect, test } from 'vitest';
import { defaultRoutingLimits } from '../src/routing/limits.ts';
import type { Entry, Exchange, SequenceRequest } from '../src/routing/messages.ts';
import { MAX_ENTRIES, MAX_REQUESTS, UNREACHABLE } from '../src/routing/messages.ts';
import type { RoutingWorld } from '../src/routing/strategy.ts';
import { RoutingTable } from '../src/routing/table.ts';
import { advertOf, trustingSelf } from './support/routing-node.ts';

const world = {
  ...trustingSelf('self'),
  nowMs: 0,
  dateMs: 0,
  forwards: true,
  random: () => 0,
  push: (to: string, exchange: Exchange) => {
    pushed.push({ to, exchange });
  },
  emit: () => {},
};
let pushed: { readonly to: string; readonly exchange: Exchange }[] = [];
let table: RoutingTable;
let version = 0;

beforeEach(() => {
  pushed = [];
  world.nowMs = 0;
  table = new RoutingTable(world as RoutingWorld, defaultRoutingLimits);
  for (const neighbour of ['mallory', 'bob']) table.exchanges.linked(neighbour);
});

function tell(from: string, entries: readonly Entry[], requests: readonly SequenceRequest[] = []): void {
  version += 1;
  table.exchanges.take(from, { epoch: 1, base: 0, version, ack: 1, entries, requests });
}

function pass(ms: number): void {
  const untilMs = world.nowMs + ms;
  while (table.nextTickMs <= untilMs) {
    world.nowMs = Math.max(world.nowMs, table.nextTickMs);
    table.tick();
  }
  world.nowMs = untilMs;
}

const row = (origin: string, distance: number, sequence = 1): Entry => ({
  origin,
  sequence,
  distance,
  advert: advertOf(origin, sequence),
  ageMs: 0,
});

const sequenceOfOwn = () => table.advertOf('self')?.sequence ?? 0;

test('what was never told of can be taken back without taking any room', () => {
  const retracted = (i: number): Entry => ({ ...row(`no ${i}`, UNREACHABLE), advert: undefined });
  for (let i = 0; i < 20_000; i += MAX_ENTRIES)
    tell(
      'mallory',
      Array.from({ length: MAX_ENTRIES }, (_, at) => retracted(i + at)),
    );
  expect(table.quotas[0].info.size).toBe(1);
});

test('those that nobody leads to any more make room for others after 10 s', () => {
  const rows = (from: string, count: number, distance: number) => {
    for (let i = 0; i < count; i += MAX_ENTRIES)
      tell(
        from,
        Array.from({ length: MAX_ENTRIES }, (_, at) => row(`${from} ${i + at}`, distance)),
      );
  };
  rows('mallory', 4_992, 1);
  rows('mallory', 4_992, UNREACHABLE);
  const full = table.quotas[0].info.size;
  tell(
    'mallory',
    Array.from({ length: MAX_ENTRIES }, (_, i) => row(`more ${i}`, 1)),
  );
  expect(table.quotas[0].info.size).toBeLessThan(full + MAX_ENTRIES);
  world.nowMs += 11_000;
  tell(
    'mallory',
    Array.from({ length: MAX_ENTRIES }, (_, i) => row(`more ${i}`, 1)),
  );
  expect(table.quotas[0].info.size).toBeLessThanOrEqual(2 * MAX_ENTRIES + 1);
  expect(table.advertOf('more 0')).toBeDefined();
});

test('who asks again and again for what there is keeps nobody from having a newer advert made', () => {
  for (let i = 0; i < 50; i += 1) {
    tell('mallory', [], [{ origin: 'self', sequence: sequenceOfOwn(), hops: 16 }]);
    pass(100);
  }
  const before = sequenceOfOwn();
  tell('mallory', [], [{ origin: 'self', sequence: before, hops: 16 }]);
  tell('bob', [], [{ origin: 'self', sequence: before + 1, hops: 16 }]);
  expect(sequenceOfOwn()).toBe(before + 1);
});

test('an advert is one further at a time, whatever is asked for', () => {
  const before = sequenceOfOwn();
  tell('mallory', [], [{ origin: 'self', sequence: before + 1_000_000, hops: 16 }]);
  expect(sequenceOfOwn()).toBe(before + 1);
});

test('what others ask for keeps the node itself from asking for nothing', () => {
  tell('bob', [row('zoe', 3)]);
  tell('mallory', [row('zoe', 1)]);
  pass(200);
  // The near way is gone, and what bob tells could come from here.
  tell('mallory', [row('zoe', UNREACHABLE)]);
  pushed = [];
  for (let i = 0; i < 30; i += 1) {
    tell('mallory', [], [{ origin: 'zoe', sequence: 0, hops: 4_000_000_000 }]);
    tell('bob', [row('zoe', 3)]);
    pass(100);
  }
  const asked = pushed.flatMap(({ to, exchange }) => (to === 'bob' ? exchange.requests : []));
  expect(asked.filter(({ origin, sequence }) => origin === 'zoe' && sequence === 2).length).toBeGreaterThan(
    0,
  );
  expect(asked.every(({ hops }) => hops <= 16)).toBe(true);
});

test('of what is to be asked for there is one for each origin, however long it is not answered', () => {
  const origins = Array.from({ length: 1_000 }, (_, i) => `origin ${i}`);
  const all = (from: string, distance: number) => {
    for (let i = 0; i < origins.length; i += MAX_ENTRIES)
      tell(
        from,
        origins.slice(i, i + MAX_ENTRIES).map((origin) => row(origin, distance)),
      );
  };
  all('mallory', 1);
  pass(200);
  all('bob', 5);
  all('mallory', UNREACHABLE);
  pushed = [];
  pass(3_000);
  const toBob = pushed.filter(({ to }) => to === 'bob');
  for (const { exchange } of toBob) {
    expect(exchange.requests.length).toBeLessThanOrEqual(MAX_REQUESTS);
    expect(new Set(exchange.requests.map(({ origin }) => origin)).size).toBe(exchange.requests.length);
  }
  const inAll = toBob.reduce((sum, { exchange }) => sum + exchange.requests.length, 0);
  expect(inAll).toBeGreaterThan(1_000);
  expect(inAll).toBeLessThan(5_000);
});
