import { peerIdFromString } from '@libp2p/peer-id';
import fc from 'fast-check';
import { base36 } from 'multiformats/bases/base36';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeExchange, encodeExchange } from '../src/routing/codec.ts';
import { type Advert, type Entry, type Exchange, MAX_SEQUENCE } from '../src/routing/messages.ts';
import type { RoutingSelf } from '../src/routing/state.ts';
import { idOf } from './support/peer-ids.ts';
import { RoutingNode, signingSelf } from './support/routing-node.ts';

let self: RoutingSelf;
let mallory: RoutingSelf;
let bob: RoutingSelf;
let zoe: RoutingSelf;

beforeAll(async () => {
  [self, mallory, bob, zoe] = (await Promise.all(
    ['self', 'mallory', 'bob', 'zoe'].map((name) => signingSelf(name)),
  )) as [RoutingSelf, RoutingSelf, RoutingSelf, RoutingSelf];
});

/** Another spelling of an id, which libp2p takes for the same peer. */
const otherSpelling = (peer: string) => peerIdFromString(peer).toCID().toString(base36);

const malformed = 'malformed exchanges of routes';

describe.each(['table', 'source'] as const)('routing by %s, where adverts are signed', (strategy) => {
  const linksTo = (...others: RoutingSelf[]) =>
    strategy === 'source'
      ? { neighbours: others.map(({ id }) => id), forwards: true, issuedMs: 0 }
      : undefined;
  const rowOf = (advert: Advert, distance: number): Entry => {
    const { origin, sequence } = advert;
    return { origin, sequence, distance, advert, ageMs: 0 };
  };
  /** Bob and mallory are neighbours; bob tells of zoe, who is his. */
  const connected = (): RoutingNode => {
    const node = new RoutingNode(self, [bob.id, mallory.id], { strategy });
    node.says(bob.id, rowOf(bob.advertise(1, linksTo(self, zoe)), 0));
    node.says(bob.id, rowOf(zoe.advertise(5, linksTo(bob)), 1));
    node.pass(1_000);
    return node;
  };
  /** What the node tells its neighbours by itself: each can read it. */
  const told = (node: RoutingNode): Exchange[] =>
    node.context.takeOf('request/internal').map(({ payload }) => decodeExchange(payload));
  const saysRaw = (node: RoutingNode, entries: readonly Entry[], requests: Exchange['requests'] = []) =>
    node.saysBytes(mallory.id, encodeExchange({ epoch: 7, base: 0, version: 1, ack: 1, entries, requests }));

  test.each<[string, () => Entry]>([
    ['from what is no peer id', () => rowOf({ ...zoe.advertise(9, linksTo(mallory)), origin: 'x' }, 1)],
    ['for nobody', () => ({ origin: '', sequence: 1, distance: 1, advert: undefined, ageMs: 0 })],
    [
      'under another spelling of a peer id',
      () => rowOf({ ...zoe.advertise(9, linksTo(bob)), origin: otherSpelling(zoe.id) }, 1),
    ],
    [
      'with links to what is no peer id',
      () => rowOf(mallory.advertise(9, { neighbours: [self.id, 'x'], forwards: true, issuedMs: 0 }), 0),
    ],
    [
      'with a sequence that no clock has come to',
      () => rowOf(mallory.advertise(MAX_SEQUENCE + 1, linksTo(self)), 0),
    ],
  ])('refuses routes %s, and goes on', (_, row) => {
    const node = connected();
    expect(saysRaw(node, [row()])).toBeUndefined();
    expect(node.context.takeOf('request/refuse')).toMatchObject([{ code: 'invalid' }]);
    expect(node.counted).toEqual({ [malformed]: 1 });
    expect(node.state.advertOf(zoe.id)?.sequence).toBe(5);
    node.pass(1_000);
    expect(node.state.next(zoe.id)).toBe(bob.id);
  });

  test('refuses requests for adverts of what is no peer id', () => {
    const node = connected();
    expect(saysRaw(node, [], [{ origin: 'x', sequence: 1, hops: 3 }])).toBeUndefined();
    expect(node.counted).toEqual({ [malformed]: 1 });
  });

  test('can be read by all after the highest sequence that there is, and when that is lost', () => {
    const node = connected();
    node.says(bob.id, rowOf(zoe.advertise(MAX_SEQUENCE, linksTo(bob)), 1));
    expect(node.state.advertOf(zoe.id)?.sequence).toBe(MAX_SEQUENCE);
    node.says(mallory.id, rowOf(mallory.advertise(1, linksTo(self)), 0));
    node.says(mallory.id, { ...rowOf(zoe.advertise(MAX_SEQUENCE, linksTo(bob)), 9), advert: undefined });
    node.step({ type: 'peer/went', peer: bob.id, name: 'bob' });
    node.pass(12_000);
    expect(told(node).length).toBeGreaterThan(1);
    expect(node.state.next(zoe.id)).toBeUndefined();
  });

  test('tells nothing to who is no neighbour, reads nothing of it, and keeps nothing', () => {
    const node = connected();
    for (let i = 0; i < 50; i += 1) {
      expect(node.says(`stranger${i}`, rowOf(zoe.advertise(9, linksTo(mallory)), 1))).toBeUndefined();
      expect(node.saysBytes(`stranger${i}`, new Uint8Array([0xff]))).toBeUndefined();
    }
    expect(node.context.takeOf('request/refuse').map(({ reason }) => reason)).toEqual(
      Array(100).fill('no neighbour'),
    );
    expect(node.counted).toEqual({});
    expect(node.state.advertOf(zoe.id)?.sequence).toBe(5);
  });

  test('lives through whatever a neighbour tells, and what it then tells others can be read', () => {
    const peers = () => [self, mallory, bob, zoe];
    const ids = fc.constantFrom(...peers().map(({ id }) => id), idOf('x'), idOf('y'));
    const origin = fc.oneof(
      { weight: 6, arbitrary: ids },
      ids.map(otherSpelling),
      fc.string({ maxLength: 60 }),
      fc.constantFrom('', '12D3KooW', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'),
    );
    const sequence = fc.oneof(
      { weight: 4, arbitrary: fc.nat(12) },
      fc.constantFrom(MAX_SEQUENCE, MAX_SEQUENCE + 1, Number.MAX_SAFE_INTEGER),
      fc.maxSafeNat(),
    );
    const links = fc.option(
      fc.record({
        neighbours: fc.array(origin, { maxLength: 4 }),
        forwards: fc.boolean(),
        issuedMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.maxSafeNat()),
      }),
      { nil: undefined },
    );
    const signedBy = (by: RoutingSelf, sequence: fc.Arbitrary<number>) =>
      fc.tuple(sequence, links).map(([sequence, links]) => by.advertise(sequence, links));
    // Of its own it has never signed one with a number so high.
    const signed = fc.oneof(
      signedBy(self, fc.nat(12)),
      ...[mallory, bob, zoe].map((by) => signedBy(by, sequence)),
    );
    const bytes = fc.uint8Array({ maxLength: 70 });
    const forged = fc
      .record({ origin, sequence, name: fc.string(), encryptionKey: bytes, signature: bytes })
      .chain((own) => links.map((links): Advert => (links === undefined ? own : { ...own, links })));
    const row = fc
      .record({
        advert: fc.option(fc.oneof({ weight: 3, arbitrary: signed }, forged), { nil: undefined }),
        origin,
        sequence,
        distance: fc.oneof({ weight: 3, arbitrary: fc.nat(18) }, fc.nat(0xffff_ffff)),
        ageMs: fc.nat(200_000),
      })
      .map((row): Entry => ({ ...row, origin: row.advert?.origin ?? row.origin }));
    const exchange = fc.record({
      epoch: fc.nat(2),
      base: fc.nat(3),
      version: sequence,
      ack: sequence,
      entries: fc.array(row, { maxLength: 6 }),
      requests: fc.array(fc.record({ origin, sequence, hops: fc.nat(20) }), { maxLength: 4 }),
    });
    let read = 0;
    fc.assert(
      fc.property(fc.array(exchange, { minLength: 1, maxLength: 6 }), fc.nat(3_000), (exchanges, ms) => {
        const node = connected();
        for (const each of exchanges) {
          if (node.saysBytes(mallory.id, encodeExchange(each)) !== undefined) read += 1;
          node.pass(ms);
          node.says(bob.id);
        }
        node.step({ type: 'peer/went', peer: mallory.id, name: 'mallory' });
        node.pass(2_000);
        told(node);
        for (const { id } of peers()) for (const attempt of [0, 3]) node.state.way(id, attempt);
      }),
      { numRuns: 300 },
    );
    // Not all of it was refused at the door.
    expect(read).toBeGreaterThan(50);
  });
});
