import { describe, expect, test } from 'vitest';
import type { Entry } from '../src/routing/messages.ts';
import { advertOf, RoutingNode, trustingSelf } from './support/routing-node.ts';

function row(origin: string, distance: number, { sequence = 1, name = origin } = {}): Entry {
  return { origin, sequence, distance, advert: advertOf(origin, sequence, { name }), ageMs: 0 };
}

function nodeWith(neighbours: readonly string[], forward: 'network' | 'nobody' = 'network'): RoutingNode {
  return new RoutingNode(trustingSelf('self'), neighbours, { forward });
}

describe('another way to a destination', () => {
  const ring = () => {
    const node = nodeWith(['bob', 'carol', 'dave']);
    node.says('bob', row('bob', 0), row('zoe', 1), row('yan', 1));
    node.says('carol', row('carol', 0), row('zoe', 3));
    node.says('dave', row('dave', 0), row('zoe', 2), row('xia', 1));
    return node.state;
  };

  test('is over the other neighbours first, the nearest of them before the others', () => {
    const ways = [0, 1, 2].map((attempt) => ring().way('zoe', attempt));
    expect(ways).toEqual([
      { next: 'bob', via: [] },
      { next: 'dave', via: ['dave'] },
      { next: 'carol', via: ['carol'] },
    ]);
  });

  test('is then over peers that are known, one or two of them, and now and then the best again', () => {
    const state = ring();
    const further = Array.from({ length: 40 }, (_, i) => state.way('zoe', i + 3));
    const passed = new Set(further.map((way) => way?.via.join()));
    for (const via of ['xia', 'yan', 'carol,xia', 'carol,yan', 'dave,xia', 'dave,yan', 'xia,yan', ''])
      expect(passed, via).toContain(via);
    for (const way of further) {
      expect(way?.via).not.toContain('zoe');
      expect(way?.via).not.toContain('self');
    }
    expect(Array.from({ length: 40 }, (_, i) => ring().way('zoe', i + 3))).toEqual(further);
  });

  test('is there for a neighbour too, and never for oneself or for who is not known', () => {
    const node = nodeWith(['bob', 'carol']);
    node.says('bob', row('bob', 0));
    node.says('carol', row('carol', 0), row('bob', 1));
    expect([0, 1].map((attempt) => node.state.way('bob', attempt))).toEqual([
      { next: 'bob', via: [] },
      { next: 'carol', via: ['carol'] },
    ]);
    for (const attempt of [0, 1]) {
      expect(node.state.way('self', attempt)).toBeUndefined();
      expect(node.state.way('nobody', attempt)).toBeUndefined();
    }
  });
});

test('that a peer is found, has another name or is lost is told once', () => {
  const node = nodeWith(['bob', 'carol']);
  node.says('bob', row('bob', 0), row('zoe', 1));
  expect(node.news()).toEqual(['bob is bob', 'zoe is zoe']);
  node.says('carol', row('carol', 0), row('zoe', 1));
  node.says('bob', row('zoe', 1, { sequence: 2 }));
  expect(node.news()).toEqual(['carol is carol']);
  node.says('bob', row('zoe', 1, { sequence: 3, name: 'zora' }));
  expect(node.news()).toEqual(['zoe is zora']);
  node.step({ type: 'peer/went', peer: 'bob', name: 'bob' });
  expect(node.news()).toEqual(['bob is lost', 'zoe is lost']);
});

test('a node that forwards for nobody tells of itself alone', () => {
  const toldBy = (forward: 'network' | 'nobody') => {
    const node = nodeWith(['bob', 'carol'], forward);
    node.says('bob', row('bob', 0), row('zoe', 1));
    const answer = node.says('carol', row('carol', 0));
    return answer?.entries.map(({ origin }) => origin);
  };
  expect(toldBy('network')).toEqual(['self', 'bob', 'zoe', 'carol']);
  expect(toldBy('nobody')).toEqual(['self']);
});
