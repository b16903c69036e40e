import type { RouteInfo } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { byPeer, changesBetween } from '../src/route-changes.ts';

const route = (name: string, fields: Partial<RouteInfo> = {}): RouteInfo => ({
  peer: `id of ${name}`,
  name,
  next: 'id of bob',
  nextName: 'bob',
  distance: 2,
  rule: 'table',
  ageMs: 1_000,
  ...fields,
});

const changes = (before: RouteInfo[], after: RouteInfo[]) =>
  changesBetween(byPeer(before), byPeer(after)).map(({ type, ...about }) => [type, ...Object.values(about)]);

test('all that there is at first is found', () => {
  expect(changes([], [route('carol'), route('dave')])).toEqual([
    ['route-found', route('carol')],
    ['route-found', route('dave')],
  ]);
});

test('what is gone is lost, as it was, and told before who may have its name now', () => {
  const again = route('carol', { peer: 'another id' });
  expect(changes([route('carol')], [again])).toEqual([
    ['route-lost', route('carol')],
    ['route-found', again],
  ]);
});

test.each<Partial<RouteInfo>>([{ next: 'id of eve' }, { distance: 3 }, { name: 'caroline' }])(
  'another way or name is a change, told with what was before: %o',
  (fields) => {
    const now = route('carol', fields);
    expect(changes([route('carol')], [{ ...now, peer: 'id of carol' }])).toEqual([
      ['route-changed', { ...now, peer: 'id of carol' }, route('carol')],
    ]);
  },
);

test('only older is no change', () => {
  expect(changes([route('carol')], [route('carol', { ageMs: 9_000 })])).toEqual([]);
});
