import { describe, expect, test } from 'vitest';
import { decodeExchange, encodeExchange } from '../src/routing/codec.ts';
import type { Advert, Entry, RoutingInput, RoutingOutput } from '../src/routing/messages.ts';
import { RoutingState } from '../src/routing/state.ts';
import { FakeContext } from './support/context.ts';

function advertOf(origin: string, sequence: number, name: string = origin): Advert {
  return { origin, sequence, name, encryptionKey: new Uint8Array(32), signature: new Uint8Array([sequence]) };
}

function row(origin: string, distance: number, { sequence = 1, name = origin } = {}): Entry {
  return { origin, sequence, distance, advert: advertOf(origin, sequence, name), ageMs: 0 };
}

/** A node by itself, told by hand what its neighbours say. */
class Node {
  readonly context = new FakeContext<RoutingOutput>();
  readonly state: RoutingState;
  #version = 0;
  #key = 0;

  constructor(neighbours: readonly string[], forward: 'network' | 'nobody' = 'network') {
    const self = {
      id: 'self',
      firstSequence: 1,
      advertise: (sequence: number) => advertOf('self', sequence),
      isGenuine: () => true,
    };
    this.state = new RoutingState(this.context, self, { strategy: 'table', forward }, () => -1);
    for (const peer of neighbours)
      this.step({ type: 'peer/came', peer, name: peer, kind: 'peerd', roles: [] });
  }

  step(input: RoutingInput): void {
    (this.state.handlers[input.type] as (input: RoutingInput) => void)(input);
  }

  /** Returns what the neighbour is answered. */
  says(peer: string, ...entries: Entry[]): Uint8Array | undefined {
    this.#version += 1;
    this.#key += 1;
    const payload = encodeExchange({
      epoch: 1,
      base: 0,
      version: this.#version,
      ack: 1,
      entries,
      requests: [],
    });
    this.context.takeOf('request/answer');
    this.step({ type: 'request/internal-inbound', key: this.#key, peer, service: '$peerd/routes', payload });
    return this.context.takeOf('request/answer')[0]?.payload;
  }

  news(): string[] {
    const found = this.context.takeOf('route/found').map(({ peer, name }) => `${peer} is ${name}`);
    return [...found, ...this.context.takeOf('route/lost').map(({ peer }) => `${peer} is lost`)];
  }
}

describe('another way to a destination', () => {
  const ring = () => {
    const node = new Node(['bob', 'carol', 'dave']);
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
    const node = new Node(['bob', 'carol']);
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
  const node = new Node(['bob', 'carol']);
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
    const node = new Node(['bob', 'carol'], forward);
    node.says('bob', row('bob', 0), row('zoe', 1));
    const answer = node.says('carol', row('carol', 0));
    return answer && decodeExchange(answer).entries.map(({ origin }) => origin);
  };
  expect(toldBy('network')).toEqual(['self', 'bob', 'zoe', 'carol']);
  expect(toldBy('nobody')).toEqual(['self']);
});
