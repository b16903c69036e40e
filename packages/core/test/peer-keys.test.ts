import { peerIdFromString } from '@libp2p/peer-id';
import fc from 'fast-check';
import { base36 } from 'multiformats/bases/base36';
import { describe, expect, test } from 'vitest';
import { isPeerId, keyOfPeer, peerOfKey } from '../src/peer-keys.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const alphabet = [...'123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'];

/** The same peer as others may write it. */
const cidOf = (peer: string) => peerIdFromString(peer).toCID().toString(base36);

/** As libp2p has it, which takes many more things for ids. */
function isUsual(text: string): boolean {
  try {
    const id = peerIdFromString(text);
    return id.type === 'Ed25519' && id.toString() === text;
  } catch {
    return false;
  }
}

describe('the id of a peer', () => {
  test('in its usual form is one, and libp2p finds the same key in it', () => {
    fc.assert(
      fc.property(key, (bytes) => {
        const peer = peerOfKey(bytes);
        expect(isPeerId(peer)).toBe(true);
        expect(keyOfPeer(peer)).toEqual(bytes);
        expect((peerIdFromString(peer) as { publicKey?: { raw: Uint8Array } }).publicKey?.raw).toEqual(bytes);
      }),
    );
    for (const byte of [0, 0xff]) expect(isPeerId(peerOfKey(new Uint8Array(32).fill(byte)))).toBe(true);
  });

  test('with anything in it altered is one only where libp2p says so too', () => {
    const text = fc
      .tuple(key, fc.nat(51), fc.constantFrom(...alphabet, '0', ' ', '\n'))
      .map(([bytes, at, char]) => {
        const peer = peerOfKey(bytes);
        return peer.slice(0, at) + char + peer.slice(at + 1);
      });
    const near = fc
      .array(fc.constantFrom(...alphabet), { minLength: 44, maxLength: 44 })
      .map((rest) => `12D3KooW${rest.join('')}`);
    const check = (text: string) => {
      expect(isPeerId(text)).toBe(isUsual(text));
      expect(keyOfPeer(text) !== undefined).toBe(isPeerId(text));
    };
    fc.assert(fc.property(fc.oneof(text, near), check), { numRuns: 2_000 });
    fc.assert(fc.property(fc.string({ maxLength: 60 }), check));
  });

  const peer = peerOfKey(new Uint8Array(32).fill(7));
  test.each([
    ['with a line break after it', `${peer}\n`],
    ['with a 1 before it', `1${peer}`],
    ['with a blank after it', `${peer} `],
    ['as a CID', cidOf(peer)],
    ['of an RSA key', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['of a secp256k1 key', '16Uiu2HAmA5Fe1fmFfNYhV7RaeKsu6hSBXCBPCnjNKcZBUqXZAhcS'],
    ['that is text', 'x'.repeat(52)],
    ['that is nothing', ''],
  ])('%s is none', (_, text) => {
    expect(isPeerId(text)).toBe(false);
    expect(keyOfPeer(text)).toBeUndefined();
  });
});
