import { describe, expect, test } from 'vitest';
import { defaultRoutingLimits } from '../src/routing/limits.ts';
import type { Entry } from '../src/routing/messages.ts';
import { strategyOf } from '../src/routing/state.ts';
import { advertOf, RoutingNode, trustingSelf } from './support/routing-node.ts';

/** What an origin says of its links, as a neighbour tells it. */
function advert(
  origin: string,
  neighbours: readonly string[],
  { sequence = 1, forwards = true, ageMs = 0, name = origin, issuedMs = 0 } = {},
): Entry {
  const signed = advertOf(origin, sequence, { name, links: { neighbours, forwards, issuedMs } });
  return { origin, sequence, distance: 0, advert: signed, ageMs };
}

function nodeWith(...neighbours: string[]): RoutingNode {
  const node = new RoutingNode(trustingSelf('self'), neighbours, { strategy: 'source' });
  for (const neighbour of neighbours) node.says(neighbour);
  return node;
}

/** self to zoe: over bob and carol, or over dave, erin and frank. */
function twoWays(options: { readonly forwards?: boolean } = {}): RoutingNode {
  const node = nodeWith('bob', 'dave');
  node.says(
    'bob',
    advert('bob', ['self', 'carol']),
    advert('carol', ['bob', 'zoe'], options),
    advert('zoe', ['carol', 'frank']),
  );
  node.says(
    'dave',
    advert('dave', ['self', 'erin']),
    advert('erin', ['dave', 'frank']),
    advert('frank', ['erin', 'zoe']),
  );
  node.pass(1_000);
  return node;
}

describe('a way', () => {
  test('is the shortest, with all who are passed in it', () => {
    const { state } = twoWays();
    expect(state.way('zoe', 0)).toEqual({ next: 'bob', via: ['bob', 'carol'] });
    expect(state.way('bob', 0)).toEqual({ next: 'bob', via: [] });
    expect([state.next('zoe'), state.distance('zoe')]).toEqual(['bob', 3]);
  });

  test('to oneself, or to who is not known, there is none', () => {
    const { state } = twoWays();
    for (const to of ['self', 'nobody'])
      expect([state.way(to, 0), state.way(to, 1), state.next(to)]).toEqual([undefined, undefined, undefined]);
  });

  test('of a further attempt avoids who is on the earlier ones; after the last it begins again', () => {
    const { state } = twoWays();
    const ways = [0, 1, 2, 3].map((attempt) => state.way('zoe', attempt)?.via);
    const [first, second] = [
      ['bob', 'carol'],
      ['dave', 'erin', 'frank'],
    ];
    expect(ways).toEqual([first, second, first, second]);
  });

  test('to a neighbour that does not answer is over others', () => {
    const node = nodeWith('bob', 'dave');
    node.says('bob', advert('bob', ['self', 'dave']));
    node.says('dave', advert('dave', ['self', 'bob']));
    node.pass(1_000);
    expect([0, 1].map((attempt) => node.state.way('bob', attempt)?.via)).toEqual([[], ['dave']]);
  });

  test('leads over links that both ends tell of, and no others', () => {
    const node = nodeWith('bob');
    node.says('bob', advert('bob', ['self', 'zoe']), advert('zoe', []));
    node.pass(1_000);
    expect(node.state.next('zoe')).toBeUndefined();
    node.says('bob', advert('zoe', ['bob'], { sequence: 2 }));
    node.pass(1_000);
    expect(node.state.next('zoe')).toBe('bob');
  });

  test('leads to who forwards nothing, but not over it', () => {
    const { state } = twoWays({ forwards: false });
    expect(state.way('zoe', 0)).toEqual({ next: 'dave', via: ['dave', 'erin', 'frank'] });
    expect(state.way('carol', 0)).toEqual({ next: 'bob', via: ['bob'] });
  });

  test('of more than 16 links is none', () => {
    const node = nodeWith('n1');
    const line = Array.from({ length: 18 }, (_, i) => (i === 0 ? 'self' : `n${i}`));
    const adverts = line.map((id, at) => advert(id, [line[at - 1] ?? 'none', line[at + 1] ?? 'none']));
    node.says('n1', ...adverts.slice(1));
    node.pass(1_000);
    expect([node.state.distance('n16'), node.state.distance('n17')]).toEqual([16, undefined]);
  });

  test('that begins with a neighbour that is gone is none at once', () => {
    const node = twoWays();
    node.step({ type: 'peer/went', peer: 'bob', name: 'bob' });
    expect(node.state.next('zoe')).toBe('dave');
  });
});

describe('an advert', () => {
  test('that is not renewed counts for nothing after 100 s', () => {
    const node = nodeWith('bob');
    node.says('bob', advert('bob', ['self', 'zoe']), advert('zoe', ['bob'], { ageMs: 40_000 }));
    node.pass(1_000);
    expect(node.news()).toEqual(['bob is bob', 'zoe is zoe']);
    for (let i = 0; i < 5; i += 1) {
      node.says('bob');
      node.pass(8_000);
    }
    expect(node.state.next('zoe')).toBe('bob');
    for (let i = 0; i < 3; i += 1) {
      node.says('bob');
      node.pass(8_000);
    }
    expect(node.state.next('zoe')).toBeUndefined();
    expect(node.news()).toEqual(['zoe is lost']);
  });

  test('does not get younger by being told again, also not when it has been dropped', () => {
    const node = nodeWith('bob');
    for (let i = 0; i < 14; i += 1) {
      node.says('bob', advert('bob', ['self', 'zoe'], { sequence: i + 1 }), advert('zoe', ['bob']));
      node.pass(7_000);
    }
    expect(node.state.next('zoe')).toBe('bob');
    for (let i = 0; i < 3; i += 1) {
      node.says('bob', advert('zoe', ['bob']));
      node.pass(1_500);
    }
    expect(node.state.next('zoe')).toBeUndefined();
    node.says('bob', advert('zoe', ['bob'], { sequence: 2 }));
    node.pass(1_000);
    expect(node.state.next('zoe')).toBe('bob');
  });

  test('that a neighbour makes look old lives when another says that it is young', () => {
    const node = nodeWith('mallory', 'bob');
    node.says('mallory', advert('zoe', ['bob'], { ageMs: 99_000 }));
    node.says('bob', advert('bob', ['self', 'zoe']), advert('zoe', ['bob']));
    for (let i = 0; i < 5; i += 1) {
      node.pass(5_000);
      node.says('bob');
    }
    expect(node.state.next('zoe')).toBe('bob');
  });

  test('of a peer that is gone does not live again by being played again, however often', () => {
    const node = nodeWith('bob');
    const played = advert('zoe', ['bob']);
    const lives: boolean[] = [];
    for (let i = 0; i < 400; i += 1) {
      const issuedMs = node.context.nowMs;
      node.says('bob', advert('bob', ['self', 'zoe'], { sequence: i + 1, issuedMs }), played);
      node.pass(3_000);
      lives.push(node.state.next('zoe') === 'bob');
    }
    expect(lives.indexOf(false)).toBeLessThan(40);
    expect(lives.lastIndexOf(true)).toBeLessThan(40);
    expect(node.counted['outdated adverts']).toBeGreaterThan(50);
    expect(node.counted['adverts with a date that is not now']).toBeGreaterThan(200);
  });

  test.each([
    [-400_000, false],
    [-395_000, true],
    [295_000, true],
    [300_000, false],
  ])('that was made %i ms from now by its own date is of now: %s', (fromNowMs, isTaken) => {
    const node = nodeWith('bob');
    const date = 1_800_000_000_000;
    node.step({ type: 'loop/date', offsetMs: date - node.context.nowMs });
    node.says('bob', advert('zoe', ['bob'], { issuedMs: date + fromNowMs }));
    expect(node.state.advertOf('zoe') !== undefined).toBe(isTaken);
    expect(node.counted).toEqual(isTaken ? {} : { 'adverts with a date that is not now': 1 });
  });

  test('of ours has the date of when it was made', () => {
    const node = nodeWith('bob');
    node.step({ type: 'loop/date', offsetMs: 1_800_000_000_000 });
    node.pass(31_000);
    const { issuedMs = 0 } = node.state.advertOf('self')?.links ?? {};
    expect(issuedMs).toBeGreaterThan(1_800_000_000_000);
    expect(issuedMs).toBeLessThanOrEqual(1_800_000_000_000 + node.context.nowMs);
  });

  test('that comes too old is refused, and counted', () => {
    const node = nodeWith('bob');
    node.says('bob', advert('bob', ['self', 'zoe']), advert('zoe', ['bob'], { ageMs: 100_000 }));
    node.pass(1_000);
    expect(node.state.next('zoe')).toBeUndefined();
    expect(node.counted).toEqual({ 'outdated adverts': 1 });
  });

  test('is told to all neighbours but those that have told of it, with its age', () => {
    const node = nodeWith('bob', 'carol', 'dave');
    node.says('bob', advert('zoe', ['bob'], { ageMs: 10_000 }));
    node.says('carol', advert('zoe', ['bob'], { ageMs: 10_000 }));
    node.pass(2_000);
    const toldTo = (neighbour: string) =>
      node.says(neighbour)?.entries.map(({ origin, ageMs }) => [origin, ageMs > 0]);
    expect(toldTo('bob')).not.toContainEqual(['zoe', true]);
    expect(toldTo('carol')).not.toContainEqual(['zoe', true]);
    expect(toldTo('dave')).toContainEqual(['zoe', true]);
  });

  test('with another name is told of', () => {
    const node = nodeWith('bob');
    node.says('bob', advert('bob', ['self']));
    node.pass(1_000);
    node.says('bob', advert('bob', ['self'], { sequence: 2, name: 'bert' }));
    expect(node.news()).toEqual(['bob is bob', 'bob is bert']);
  });

  test('of ours is renewed twice a minute, and soon when links come or go, though not for each', () => {
    const node = new RoutingNode(trustingSelf('self'), [], { strategy: 'source' });
    const own = () => node.state.advertOf('self');
    node.pass(60_000);
    expect(own()?.sequence).toBe(3);
    for (let i = 0; i < 20; i += 1) {
      const peer = `n${i}`;
      node.step({ type: 'peer/came', peer, name: peer, kind: 'peerd', roles: [] });
      node.says(peer);
      node.pass(10);
    }
    node.pass(1_000);
    expect(own()?.links?.neighbours).toHaveLength(20);
    expect(own()?.sequence).toBe(5);
  });

  test('of who forwards nothing says so', () => {
    const node = new RoutingNode(trustingSelf('self'), [], { strategy: 'source', forward: 'nobody' });
    expect(node.state.advertOf('self')?.links).toMatchObject({ neighbours: [], forwards: false });
  });
});

test('links in adverts are bounded, for a neighbour and for all', () => {
  const emit = () => {};
  const world = {
    ...trustingSelf('self'),
    nowMs: 0,
    dateMs: 0,
    forwards: true,
    random: () => 0,
    push: emit,
    emit,
  };
  const limits = { ...defaultRoutingLimits, maxLinks: 100, maxLinksPerNeighbour: 60 };
  const routing = strategyOf('source', world, limits);
  for (const neighbour of ['mallory', 'oscar']) {
    routing.exchanges.linked(neighbour);
    const entries = Array.from({ length: 50 }, (_, i) =>
      advert(`${neighbour}${i}`, [`${neighbour}${i + 1}`, 'zoe']),
    );
    routing.exchanges.take(neighbour, { epoch: 1, base: 0, version: 1, ack: 1, entries, requests: [] });
  }
  const quota = routing.quotas.find(({ name }) => name === 'links in adverts');
  // Each has half of what is free beside it.
  expect(quota?.info).toMatchObject({ size: 50 + 24, limit: 100, refused: 25 + 38 });
});
