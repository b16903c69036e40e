import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHead, Head } from '../src/forwarding/codec.ts';
import { generateSecret, peerIdOf } from '../src/identity.ts';
import { keyOfPeer, PeerKeys, peerOfKey } from '../src/peer-keys.ts';
import { keyNamed, peerNamed } from './support/forwarding.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const kind = fc.constantFrom(
  ...(['data', 'control', 'init', 'response', 'seek', 'offer', 'sealed', 'probe', 'probe-reply'] as const),
);
const fields = fc.record({
  hops: fc.integer({ min: 0, max: 15 }),
  kind,
  source: key,
  destination: key,
  via: fc.array(key, { maxLength: 15 }),
  record: fc.boolean(),
});
const peers = (keys: readonly Uint8Array[]) => keys.map((each) => peerOfKey(each));

describe('the id of a peer', () => {
  test('is its key in another form', async () => {
    const id = await peerIdOf(await generateSecret());
    const own = keyOfPeer(id) as Uint8Array;
    expect(own).toHaveLength(32);
    expect(peerOfKey(own)).toBe(id);
    fc.assert(
      fc.property(key, (bytes) => {
        expect(keyOfPeer(peerOfKey(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each([
    ['no base58', 'alice!'],
    ['nothing', ''],
    ['too short', '12D3KooW'],
    ['of an RSA key', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['of a secp256k1 key', '16Uiu2HAmA5Fe1fmFfNYhV7RaeKsu6hSBXCBPCnjNKcZBUqXZAhcS'],
  ])('that is %s has no such key', (_, id) => expect(keyOfPeer(id)).toBeUndefined());

  test('is kept in both forms, also of those that have none, and of any number of peers', () => {
    const keys = new PeerKeys();
    expect(keys.keyOf(peerNamed('a'))).toBe(keys.keyOf(peerNamed('a')));
    expect(keys.keyOf('alice!')).toBeUndefined();
    expect(keys.keyOf('alice!')).toBeUndefined();
    const bytes = new Uint8Array(4 + 32);
    for (let i = 0; i < 20_000; i += 1) {
      new DataView(bytes.buffer).setUint32(4, i);
      expect(keys.keyOf(keys.peerAt(bytes, 4))).toEqual(bytes.subarray(4));
    }
  });
});

describe('the head of a packet', () => {
  test('says what it was made of', () => {
    fc.assert(
      fc.property(fields, (given) => {
        const head = new Head(encodeHead(given));
        const keys = new PeerKeys();
        expect(head.isWellFormed).toBe(true);
        expect(head.hops).toBe(given.hops);
        expect(head.kind).toBe(given.kind);
        expect(head.source(keys)).toBe(peerOfKey(given.source));
        expect(head.destination(keys)).toBe(peerOfKey(given.destination));
        expect(head.isFor(given.destination)).toBe(true);
        expect(head.path(keys)).toEqual(given.record ? [] : undefined);
        expect(given.via.map((_, index) => head.waypoint(index, keys))).toEqual(peers(given.via));
        expect(head.viaCount).toBe(given.via.length);
      }),
    );
  });

  test('for the next link differs in what a forwarder changes, and nothing else', () => {
    fc.assert(
      fc.property(
        fields.filter(({ hops }) => hops > 0),
        key,
        fc.array(key, { maxLength: 15 }),
        fc.nat(),
        (given, forwarder, put, cut) => {
          const reached = given.via.length === 0 ? 0 : cut % (given.via.length + 1);
          const before = encodeHead(given);
          const copy = Uint8Array.from(before);
          const after = new Head(new Head(before).next(forwarder, reached, put));
          const via = reached === given.via.length ? put : given.via.slice(reached);
          const keys = new PeerKeys();
          expect(after.isWellFormed).toBe(true);
          expect(after.hops).toBe(given.hops - 1);
          expect(after.kind).toBe(given.kind);
          expect(after.source(keys)).toBe(peerOfKey(given.source));
          expect(after.destination(keys)).toBe(peerOfKey(given.destination));
          expect(via.map((_, index) => after.waypoint(index, keys))).toEqual(peers(via));
          expect(after.viaCount).toBe(via.length);
          expect(after.path(keys)).toEqual(given.record ? [peerOfKey(forwarder)] : undefined);
          expect(Uint8Array.from(before)).toEqual(copy);
        },
      ),
    );
  });

  test('lists forwarders in the order in which they were passed, up to the most that a way can have', () => {
    const forwarders = Array.from({ length: 15 }, (_, i) => keyNamed(`forwarder ${i}`));
    let bytes = encodeHead({
      hops: 15,
      kind: 'init',
      source: keyNamed('a'),
      destination: keyNamed('b'),
      via: [keyNamed('w')],
      record: true,
    });
    for (const forwarder of forwarders) {
      expect(new Head(bytes).hasRoom).toBe(true);
      bytes = new Head(bytes).next(forwarder, 0, []);
    }
    const head = new Head(bytes);
    expect(head.isWellFormed).toBe(true);
    expect(head.path(new PeerKeys())).toEqual(peers(forwarders));
    expect(head.hasRoom).toBe(false);
    expect(head.hops).toBe(0);
  });

  test('tells which of the peers to pass are reached: all at the front that are this one', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(keyNamed) as [Uint8Array, Uint8Array, Uint8Array];
    const head = (via: Uint8Array[]) =>
      new Head(encodeHead({ hops: 1, kind: 'data', source: a, destination: c, via, record: false }));
    expect(head([]).reached(b)).toBe(0);
    expect(head([b]).reached(b)).toBe(1);
    expect(head([b, b, c, b]).reached(b)).toBe(2);
    expect(head([c, b]).reached(b)).toBe(0);
  });

  test('of any other bytes is not well formed, or has just the length that its fields say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const head = new Head(bytes);
        if (head.isWellFormed) expect(head.next(keyNamed('f'), 0, []).length).toBeGreaterThanOrEqual(68);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fields, fc.integer({ min: 1, max: 64 }), (given, more) => {
        const bytes = encodeHead(given);
        expect(new Head(Buffer.concat([bytes, new Uint8Array(more)])).isWellFormed).toBe(false);
        expect(new Head(bytes.subarray(0, Math.max(0, bytes.length - more))).isWellFormed).toBe(false);
      }),
    );
  });

  const altered = (at: number, value: number) => {
    const ends = { source: keyNamed('a'), destination: keyNamed('b') };
    const bytes = encodeHead({ hops: 15, kind: 'data', ...ends, via: [], record: false });
    bytes[at] = value;
    return new Head(bytes);
  };

  test.each([
    ['more links than a packet may take', 0, 16],
    ['a flag that is not known', 1, 2],
    ['a record that is not there', 1, 1],
    ['more peers to pass than are there', 67, 1],
    ['more peers to pass than a way has', 67, 255],
  ])('with %s is not well formed', (_, at, value) => expect(altered(at, value).isWellFormed).toBe(false));

  test('may be of a kind that is not known here', () => {
    expect(altered(2, 9).isWellFormed).toBe(true);
    expect(altered(2, 9).kind).toBeUndefined();
  });
});
