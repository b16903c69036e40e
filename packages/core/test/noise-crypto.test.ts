import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto';
import fc from 'fast-check';
import { Uint8ArrayList } from 'uint8arraylist';
import { describe, expect, test } from 'vitest';
import { noiseCrypto } from '../src/host/noise-crypto.ts';

type Encrypt = typeof noiseCrypto.chaCha20Poly1305Encrypt;
type Bytes = Parameters<Encrypt>[0];

/** Bytes as a list, cut at some places. */
function cut(bytes: Uint8Array, places: readonly number[]): Bytes {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const parts = [0, ...cuts].map((start, i) => bytes.subarray(start, cuts[i] ?? bytes.length));
  return new Uint8ArrayList(...parts.filter((part) => part.length > 0)) as unknown as Bytes;
}

const nonce = Uint8Array.from({ length: 12 }, (_, i) => i);
const key = Uint8Array.from({ length: 32 }, (_, i) => 2 * i);
const ad = new Uint8Array(0);
const plaintexts = fc
  .tuple(fc.constantFrom(0, 1, 999, 1_000, 1_001, 16_384, 65_519), fc.nat({ max: 255 }))
  .map(([length, first]) => Uint8Array.from({ length }, (_, i) => first + i));

describe('packets of Noise', () => {
  test('are encrypted and decrypted as by its own crypto, however their bytes are split', () => {
    fc.assert(
      fc.property(plaintexts, fc.array(fc.nat(), { maxLength: 5 }), (plaintext, places) => {
        const expected = Buffer.from(
          defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, key).subarray(),
        );
        const packet = noiseCrypto.chaCha20Poly1305Encrypt(cut(plaintext, places), nonce, ad, key).subarray();
        expect(Buffer.compare(packet, expected)).toBe(0);
        const text = noiseCrypto.chaCha20Poly1305Decrypt(cut(packet, places), nonce, ad, key);
        expect(Buffer.compare(text.subarray(), plaintext)).toBe(0);
      }),
    );
  });

  test.each([100, 2_000])('of %i bytes that were changed on the way are refused', (length) => {
    const packet = noiseCrypto.chaCha20Poly1305Encrypt(new Uint8Array(length), nonce, ad, key).subarray();
    for (const place of [0, length - 1, length + 15]) {
      const changed = Uint8Array.from(packet);
      changed[place] = (changed[place] as number) ^ 1;
      expect(() => noiseCrypto.chaCha20Poly1305Decrypt(cut(changed, [50]), nonce, ad, key)).toThrow();
    }
  });
});
