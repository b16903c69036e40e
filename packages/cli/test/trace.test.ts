import { expect, test } from 'vitest';
import { jsonOf, rowOf } from '../src/commands/trace.ts';

const hops = [
  { hop: 1, peer: '12D3KooWbob', name: 'bob', rttMs: 0.25 },
  { hop: 2 },
  { hop: 3, peer: '12D3KooWdave', rttMs: 12.3456 },
];

test('a hop that did not answer is shown as such, and one whose name is not known by its id alone', () => {
  expect(hops.map(rowOf)).toEqual([
    ['1', 'bob', '12D3KooWbob', '0.25 ms'],
    ['2', '-', 'no answer', '-'],
    ['3', '-', '12D3KooWdave', '12.35 ms'],
  ]);
});

test('in JSON what is not known is null', () => {
  expect(jsonOf({ peer: '12D3KooWdave', hops })).toEqual({
    peer: '12D3KooWdave',
    name: null,
    hops: [
      { hop: 1, peer: '12D3KooWbob', name: 'bob', rttMs: 0.25 },
      { hop: 2, peer: null, name: null, rttMs: null },
      { hop: 3, peer: '12D3KooWdave', name: null, rttMs: 12.346 },
    ],
  });
});
