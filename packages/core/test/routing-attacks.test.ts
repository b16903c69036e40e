import { beforeAll, describe, expect, test } from 'vitest';
import type { Overload } from '../src/channel/quota.ts';
import { encodeExchange } from '../src/routing/codec.ts';
import { defaultRoutingLimits } from '../src/routing/limits.ts';
import { type Advert, type Entry, MAX_ENTRIES } from '../src/routing/messages.ts';
import { type RoutingSelf, strategyOf } from '../src/routing/state.ts';
import type { RoutingWorld } from '../src/routing/strategy.ts';
import { advertOf, RoutingNode, signingSelf, trustingSelf } from './support/routing-node.ts';

let self: RoutingSelf;
let mallory: RoutingSelf;
let bob: RoutingSelf;
let zoe: RoutingSelf;
let stranger: RoutingSelf;

beforeAll(async () => {
  [self, mallory, bob, zoe, stranger] = await Promise.all([
    signingSelf('self'),
    signingSelf('mallory'),
    signingSelf('bob'),
    signingSelf('zoe'),
    signingSelf('zoe', 'another network'),
  ]);
});

describe.each(['table', 'source'] as const)('routing by %s', (strategy) => {
  /** Whom somebody is connected to is told by source only. */
  const linksTo = (...others: RoutingSelf[]) =>
    strategy === 'source'
      ? { neighbours: others.map(({ id }) => id), forwards: true, issuedMs: 0 }
      : undefined;
  const rowOf = (advert: Advert, distance: number): Entry => ({
    origin: advert.origin,
    sequence: advert.sequence,
    distance,
    advert,
    ageMs: 0,
  });
  /** Bob and mallory are neighbours; bob tells of zoe, who is his. */
  const connected = (): RoutingNode => {
    const node = new RoutingNode(self, [bob.id, mallory.id], { strategy });
    node.says(bob.id, rowOf(bob.advertise(1, linksTo(self, zoe)), 0));
    node.says(bob.id, rowOf(zoe.advertise(5, linksTo(bob)), 1));
    node.says(mallory.id, rowOf(mallory.advertise(1, linksTo(self)), 0));
    node.pass(1_000);
    return node;
  };
  const unharmed = { name: 'zoe', sequence: 5 };

  test('takes adverts that their origins have signed', () => {
    const node = connected();
    expect(node.state.next(zoe.id)).toBe(bob.id);
    expect(node.state.advertOf(zoe.id)).toMatchObject(unharmed);
    expect(node.counted).toEqual({});
  });

  test.each<[string, () => Advert]>([
    [
      'that another has signed',
      () => ({
        ...zoe.advertise(9, linksTo(mallory)),
        signature: mallory.advertise(9, linksTo(mallory)).signature,
      }),
    ],
    ['whose name was altered', () => ({ ...zoe.advertise(9, linksTo(mallory)), name: 'zora' })],
    [
      'whose key was altered',
      () => ({ ...zoe.advertise(9, linksTo(bob)), encryptionKey: new Uint8Array(32).fill(1) }),
    ],
    ['whose sequence was altered', () => ({ ...zoe.advertise(5, linksTo(bob)), sequence: 9 })],
    ['that is known, with something altered', () => ({ ...zoe.advertise(5, linksTo(bob)), name: 'zora' })],
    ['of another network', () => stranger.advertise(9, linksTo(mallory))],
    ['of ours that was altered', () => ({ ...self.advertise(1, linksTo(bob)), sequence: 9 })],
  ])('refuses an advert %s, and counts it', (_, make) => {
    const node = connected();
    const own = node.state.advertOf(self.id)?.sequence;
    node.says(mallory.id, rowOf(make(), 1));
    node.pass(1_000);
    expect(node.counted).toEqual({ 'forged adverts': 1 });
    expect(node.state.next(zoe.id)).toBe(bob.id);
    expect(node.state.advertOf(zoe.id)).toMatchObject(unharmed);
    expect(node.state.advertOf(self.id)?.sequence).toBe(own);
  });

  test('refuses an advert that is older than what is known, and counts it', () => {
    const node = connected();
    node.says(mallory.id, rowOf(zoe.advertise(4, linksTo(mallory)), 1));
    node.pass(1_000);
    expect(node.counted).toEqual({ 'outdated adverts': 1 });
    expect(node.state.next(zoe.id)).toBe(bob.id);
    expect(node.state.advertOf(zoe.id)).toMatchObject(unharmed);
  });

  test('refuses an advert of the other strategy, and counts it', () => {
    const node = connected();
    const links =
      strategy === 'source' ? undefined : { neighbours: [mallory.id], forwards: true, issuedMs: 0 };
    node.says(mallory.id, rowOf(zoe.advertise(9, links), 1));
    expect(node.counted).toEqual({ 'malformed routes': 1 });
    expect(node.state.advertOf(zoe.id)).toMatchObject(unharmed);
  });

  test('counts what is no exchange at all, and refuses it', () => {
    const node = connected();
    node.saysBytes(mallory.id, new Uint8Array([0xff, 1, 2]));
    expect(node.context.takeOf('request/refuse')).toMatchObject([{ code: 'invalid' }]);
    const links = { neighbours: Array(321).fill(zoe.id), forwards: true };
    const entries = [rowOf(advertOf(mallory.id, 1, { links }), 0)];
    node.saysBytes(
      mallory.id,
      encodeExchange({ epoch: 1, base: 0, version: 9, ack: 1, entries, requests: [] }),
    );
    expect(node.counted).toEqual({ 'malformed exchanges of routes': 2 });
  });

  test('goes on to a higher sequence when an earlier run of this node had one', () => {
    const node = connected();
    node.says(mallory.id, rowOf(self.advertise(77, linksTo(bob)), 1));
    expect(node.state.advertOf(self.id)?.sequence).toBe(78);
    expect(node.counted).toEqual({});
  });

  test('is not led astray by a neighbour that claims to be next to everyone', () => {
    const node = connected();
    const others = [bob, zoe];
    node.says(mallory.id, rowOf(mallory.advertise(2, linksTo(self, ...others)), 0));
    const adverts = others.map(({ id }) => node.state.advertOf(id) as Advert);
    node.says(mallory.id, ...adverts.map((advert) => rowOf(advert, 0)));
    node.pass(1_000);
    expect(others.map(({ id }) => node.state.next(id))).toEqual([bob.id, bob.id]);
    expect(node.counted).toEqual(strategy === 'table' ? { 'malformed routes': 2 } : {});
  });

  test('holds out against a neighbour that tells of a million destinations, and against two', () => {
    const overloads: Overload[] = [];
    const world: RoutingWorld = {
      ...trustingSelf('self'),
      nowMs: 0,
      dateMs: 0,
      forwards: true,
      random: () => 0,
      push: () => {},
      emit: (output) => {
        if (output.type === 'node/overload') overloads.push(output);
      },
    };
    const routing = strategyOf(strategy, world, defaultRoutingLimits);
    const links = linksTo(self, mallory);
    let version = 0;
    const tell = (from: string, origins: readonly string[]) => {
      version += 1;
      const entries = origins.map((origin) => rowOf(advertOf(origin, 1, links && { links }), 1));
      routing.exchanges.take(from, { epoch: 1, base: 0, version, ack: 1, entries, requests: [] });
    };
    const flood = (from: string, count: number) => {
      for (let i = 0; i < count; i += MAX_ENTRIES)
        tell(
          from,
          Array.from({ length: MAX_ENTRIES }, (_, at) => `${from}${i + at}`),
        );
    };
    const quota = (name: string) => routing.quotas.find((each) => each.name === name)?.info;
    for (const neighbour of ['mallory', 'oscar', 'bob']) routing.exchanges.linked(neighbour);
    flood('mallory', 1_000_000);
    expect(quota('routes of the neighbour with most')).toMatchObject({ size: 5_000, refused: 995_000 });
    expect(quota('destinations')).toMatchObject({ size: 5_001, refused: 0 });
    tell('bob', ['zoe']);
    expect(routing.advertOf('zoe')).toBeDefined();
    flood('oscar', 6_400);
    expect(quota('destinations')?.limit).toBe(10_000);
    if (strategy === 'table') {
      // Each has half of what the others leave: who is honest still finds room.
      expect(quota('destinations')?.size).toBeLessThan(7_600);
      tell('bob', ['yan']);
      expect(routing.advertOf('yan')).toBeDefined();
    }
    expect(overloads.map(({ queue }) => queue)).toContain('routes of the neighbour with most');
  });

  test('takes what is new of a peer from whoever tells it, though who told of it first has filled its share', () => {
    const world: RoutingWorld = {
      ...trustingSelf('self'),
      nowMs: 0,
      dateMs: 0,
      forwards: true,
      random: () => 0,
      push: () => {},
      emit: () => {},
    };
    const routing = strategyOf(strategy, world, defaultRoutingLimits);
    let version = 0;
    const tell = (from: string, origin: string, sequence: number, count: number) => {
      version += 1;
      const neighbours = Array.from({ length: count }, (_, i) => `${origin} ${i}`);
      const links = strategy === 'table' ? {} : { links: { forwards: true, neighbours } };
      const entries = [rowOf(advertOf(origin, sequence, links), 1)];
      routing.exchanges.take(from, { epoch: 1, base: 0, version, ack: 1, entries, requests: [] });
    };
    for (const neighbour of ['mallory', 'bob']) routing.exchanges.linked(neighbour);
    tell('mallory', 'zoe', 1, 2);
    for (let i = 0; i < 500; i += 1) tell('mallory', `m${i}`, 1, 320);
    tell('bob', 'zoe', 2, 3);
    expect(routing.advertOf('zoe')?.sequence).toBe(2);
    tell('bob', 'yan', 1, 3);
    expect(routing.advertOf('yan')).toBeDefined();
  });

  test('reads so many exchanges of one neighbour in a second, and counts the others', () => {
    const node = new RoutingNode(trustingSelf('self'), ['mallory', 'bob'], { strategy });
    for (let i = 0; i < 100; i += 1) node.says('mallory', rowOf(advertOf(`m${i}`, 1, {}), 1));
    expect(node.counted).toMatchObject({ 'exchanges of routes that came too soon': 90 });
    expect(node.context.takeOf('request/refuse')[0]).toMatchObject({ code: 'refused' });
    expect(node.says('bob')).toBeDefined();
    node.pass(1_000);
    expect(node.says('mallory')).toBeDefined();
  });
});
