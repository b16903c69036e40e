import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PacketCipher } from '../src/sessions/cipher.ts';

const key = Uint8Array.from({ length: 32 }, (_, i) => 3 * i);
const cipher = new PacketCipher(key);
const header = Uint8Array.from({ length: 17 }, (_, i) => i);

/** Where the way it is computed changes, by the length of text and header. */
const lengths = fc.constantFrom(0, 1, 128, 511, 512, 513, 4_096, 32_768);
const headers = fc.constantFrom(0, 17, 32, 33, 200).map((length) => new Uint8Array(length).fill(7));
const counters = fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER);

function textOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...cuts].map((start, i) => bytes.subarray(start, cuts[i] ?? bytes.length));
}

/** The nonce of Noise, written another way. */
function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(counter), 4);
  return nonce;
}

describe('packets of a session', () => {
  test('are ChaCha20-Poly1305 with the nonces of Noise, however long they are and in whatever parts', () => {
    fc.assert(
      fc.property(
        lengths,
        headers,
        counters,
        fc.array(fc.nat(), { maxLength: 4 }),
        (length, ad, counter, places) => {
          const text = textOf(length);
          const sealed = Buffer.concat(cipher.seal(counter, ad, cut(text, places)));
          const theirs = createCipheriv('chacha20-poly1305', key, nonceOf(counter), { authTagLength: 16 });
          theirs.setAAD(ad, { plaintextLength: length });
          const expected = Buffer.concat([theirs.update(text), theirs.final(), theirs.getAuthTag()]);
          expect(Buffer.compare(sealed, expected)).toBe(0);

          expect(Buffer.compare(cipher.open(counter, ad, sealed) as Uint8Array, text)).toBe(0);
          const reader = createDecipheriv('chacha20-poly1305', key, nonceOf(counter), { authTagLength: 16 });
          reader.setAAD(ad, { plaintextLength: length });
          reader.setAuthTag(sealed.subarray(length));
          expect(
            Buffer.compare(Buffer.concat([reader.update(sealed.subarray(0, length)), reader.final()]), text),
          ).toBe(0);
        },
      ),
    );
  });

  test.each([0, 40, 511, 512, 2_000])(
    'of %i bytes are not genuine with any byte changed or cut off',
    (length) => {
      const sealed = Buffer.concat(cipher.seal(5, header, [textOf(length)]));
      for (let place = 0; place < sealed.length; place += 1) {
        const changed = Uint8Array.from(sealed);
        changed[place] = (changed[place] as number) ^ (1 << (place % 8));
        expect(cipher.open(5, header, changed)).toBeUndefined();
        expect(cipher.open(5, header, sealed.subarray(0, place))).toBeUndefined();
      }
      expect(cipher.open(5, header, sealed)).toBeDefined();
    },
  );

  test.each([40, 2_000])('of %i bytes are not genuine under another number, header or key', (length) => {
    const sealed = Buffer.concat(cipher.seal(5, header, [textOf(length)]));
    expect(cipher.open(6, header, sealed)).toBeUndefined();
    expect(cipher.open(5 + 2 ** 32, header, sealed)).toBeUndefined();
    expect(
      cipher.open(
        5,
        header.map((byte) => byte ^ 1),
        sealed,
      ),
    ).toBeUndefined();
    expect(cipher.open(5, header.subarray(1), sealed)).toBeUndefined();
    expect(new PacketCipher(new Uint8Array(32)).open(5, header, sealed)).toBeUndefined();
  });

  test('that were opened stay as they are when others are opened and sealed', () => {
    const first = cipher.open(1, header, Buffer.concat(cipher.seal(1, header, [textOf(100)]))) as Uint8Array;
    const sealed = cipher.seal(2, header, [textOf(100)]) as [Uint8Array];
    const copy = Uint8Array.from(sealed[0]);
    cipher.open(3, header, Buffer.concat(cipher.seal(3, header, [new Uint8Array(100).fill(9)])));
    expect(Buffer.compare(first, textOf(100))).toBe(0);
    expect(Buffer.compare(sealed[0], copy)).toBe(0);
  });
});
