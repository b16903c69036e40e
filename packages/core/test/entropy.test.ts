import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Entropy } from '../src/entropy.ts';

const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the randomness of ends', () => {
  test('is the same for the same seed and the same questions', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.array(fc.nat({ max: 200 }), { maxLength: 20 }),
        (given, lengths) => {
          const [one, two] = [new Entropy(given), new Entropy(given)];
          for (const length of lengths) {
            const bytes = one.bytes(length);
            expect(bytes.length).toBe(length);
            expect(hex(two.bytes(length))).toBe(hex(bytes));
          }
        },
      ),
    );
  });

  test('is never the same twice, nor that of another seed', () => {
    const other = Uint8Array.from(seed, (byte) => byte ^ 1);
    const seen = new Set<string>();
    for (const entropy of [new Entropy(seed), new Entropy(other)])
      for (let i = 0; i < 1_000; i += 1) seen.add(hex(entropy.bytes(16)));
    expect(seen.size).toBe(2_000);
  });

  test('is of one shape: no bit is set more or less often than by chance', () => {
    const entropy = new Entropy(seed);
    const ones = new Array<number>(8).fill(0);
    for (let i = 0; i < 100; i += 1)
      for (const byte of entropy.bytes(1_000))
        for (let bit = 0; bit < 8; bit += 1) ones[bit] = (ones[bit] as number) + ((byte >> bit) & 1);
    // Of 100,000 the standard deviation is 158: the seed is fixed, and so is the result.
    for (const count of ones) expect(Math.abs(count - 50_000)).toBeLessThan(4 * 158);
  });

  test('leaves the seed as it was, and does not change when the seed is erased', () => {
    const given = Uint8Array.from(seed);
    const entropy = new Entropy(given);
    given.fill(0);
    expect(hex(entropy.bytes(32))).toBe(hex(new Entropy(seed).bytes(32)));
    expect([...given].every((byte) => byte === 0)).toBe(true);
  });

  test('takes a seed of 32 bytes, and gives up to 8,128 at a time', () => {
    expect(() => new Entropy(new Uint8Array(31))).toThrow('expected 32');
    expect(new Entropy(seed).bytes(8_128).length).toBe(8_128);
    expect(() => new Entropy(seed).bytes(8_129)).toThrow('at most 8128');
  });
});
