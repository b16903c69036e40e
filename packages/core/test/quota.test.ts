import { describe, expect, test } from 'vitest';
import { type Overload, Quota } from '../src/channel/quota.ts';
import { FakeContext } from './support/context.ts';

describe('a quota', () => {
  test('shows how full it is by now, and how often it was too full', () => {
    let size = 1;
    let limit = 2;
    const quota = new Quota(
      'things',
      'items',
      () => limit,
      () => size,
    );
    expect(quota.info).toEqual({ name: 'things', unit: 'items', size: 1, limit: 2, refused: 0 });
    quota.refuse(new FakeContext<Overload>(), 3);
    size = 2;
    limit = 5;
    expect(quota.info).toEqual({ name: 'things', unit: 'items', size: 2, limit: 5, refused: 3 });
  });

  test('tells of an overload at once, and then of the next ones every 10 s', () => {
    const context = new FakeContext<Overload>();
    const quota = new Quota(
      'things',
      'bytes',
      () => 10,
      () => 10,
    );
    for (context.nowMs = 5; context.nowMs < 30_005; context.nowMs += 100) quota.refuse(context);
    expect(context.take()).toEqual([
      { type: 'node/overload', queue: 'things', unit: 'bytes', limit: 10, refused: 1 },
      { type: 'node/overload', queue: 'things', unit: 'bytes', limit: 10, refused: 101 },
      { type: 'node/overload', queue: 'things', unit: 'bytes', limit: 10, refused: 201 },
    ]);
    expect(quota.refused).toBe(300);
  });
});
