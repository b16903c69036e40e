import { describe, expect, test } from 'vitest';
import { TokenBuckets } from '../src/channel/token-buckets.ts';

/** How many a key gets at this time. */
function drain(buckets: TokenBuckets, key: string, nowMs: number): number {
  let count = 0;
  while (buckets.take(key, nowMs)) count += 1;
  return count;
}

describe('token buckets', () => {
  test('let a key have its burst at once, then its rate, and never more than the burst', () => {
    const buckets = new TokenBuckets(10, 5, 100);
    expect(drain(buckets, 'a', 0)).toBe(5);
    expect(drain(buckets, 'a', 99)).toBe(0);
    expect(drain(buckets, 'a', 100)).toBe(1);
    expect(drain(buckets, 'a', 400)).toBe(3);
    expect(drain(buckets, 'a', 1e9)).toBe(5);
  });

  test('are of each key alone', () => {
    const buckets = new TokenBuckets(10, 5, 100);
    expect(drain(buckets, 'a', 0)).toBe(5);
    expect(drain(buckets, 'b', 0)).toBe(5);
  });

  test('are kept for so many keys: one more gets nothing until another one has its burst again', () => {
    const buckets = new TokenBuckets(10, 5, 2);
    expect(buckets.take('a', 0)).toBe(true);
    expect(drain(buckets, 'b', 0)).toBe(5);
    expect(buckets.take('c', 99)).toBe(false);
    expect(drain(buckets, 'c', 100)).toBe(5);
    expect(buckets.take('d', 499)).toBe(false);
    expect(drain(buckets, 'b', 500)).toBe(5);
  });
});
