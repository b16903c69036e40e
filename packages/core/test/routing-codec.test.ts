import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { peerOfKey } from '../src/peer-keys.ts';
import { decodeExchange, encodeExchange, RoutingCodecError } from '../src/routing/codec.ts';
import { type Entry, type Exchange, MAX_ENTRIES, MAX_SEQUENCE } from '../src/routing/messages.ts';
import { idOf } from './support/peer-ids.ts';
import { advertOf } from './support/routing-node.ts';

const number = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 64 });
const origin = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(peerOfKey);
const entry: fc.Arbitrary<Entry> = fc
  .record({
    origin,
    sequence: number,
    distance: fc.nat(20),
    ageMs: fc.nat(200_000),
    advert: fc.option(
      fc.record(
        {
          sequence: fc.nat(MAX_SEQUENCE),
          name: fc.string(),
          encryptionKey: bytes,
          signature: bytes,
          links: fc.record({
            neighbours: fc.array(origin, { maxLength: 5 }),
            forwards: fc.boolean(),
            issuedMs: number,
          }),
        },
        { requiredKeys: ['sequence', 'name', 'encryptionKey', 'signature'] },
      ),
      {
        nil: undefined,
      },
    ),
  })
  .map(({ advert, ...row }) => ({
    ...row,
    advert: advert === undefined ? undefined : { ...advert, origin: row.origin },
  }));
const exchange: fc.Arbitrary<Exchange> = fc.record({
  epoch: number,
  base: number,
  version: number,
  ack: number,
  entries: fc.array(entry, { maxLength: MAX_ENTRIES }),
  requests: fc.array(fc.record({ origin, sequence: number, hops: fc.nat(20) }), { maxLength: 20 }),
});

describe('an exchange of routes', () => {
  test('comes out as it went in', () => {
    fc.assert(
      fc.property(exchange, (sent) => {
        expect(decodeExchange(encodeExchange(sent))).toEqual(sent);
      }),
    );
  });

  test('that is none fails, and with nothing else than that', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (sent) => {
        try {
          decodeExchange(sent);
        } catch (error) {
          expect(error).toBeInstanceOf(RoutingCodecError);
        }
      }),
    );
  });

  test('with more rows than it may have, or an origin that is none, is refused', () => {
    const row = { origin: idOf('x'), sequence: 1, distance: 1, advert: undefined, ageMs: 0 };
    const of = (entries: Entry[]): Exchange => ({
      epoch: 1,
      base: 0,
      version: 1,
      ack: 0,
      entries,
      requests: [],
    });
    expect(() => decodeExchange(encodeExchange(of(Array(MAX_ENTRIES + 1).fill(row))))).toThrow(
      RoutingCodecError,
    );
    const links = { neighbours: [idOf('y'), 'y'], forwards: true, issuedMs: 0 };
    for (const wrong of [
      { origin: '' },
      { origin: 'x'.repeat(52) },
      { advert: advertOf(idOf('x'), 1, { links }) },
    ])
      expect(() => decodeExchange(encodeExchange(of([{ ...row, ...wrong }])))).toThrow('whose id is none');
    const asking = { ...of([]), requests: [{ origin: 'x', sequence: 1, hops: 1 }] };
    expect(() => decodeExchange(encodeExchange(asking))).toThrow('whose id is none');
  });
});
