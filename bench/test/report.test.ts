import { expect, test } from 'vitest';
import { type Goal, type Row, report } from '../report.ts';

const rows: Row[] = [
  { title: 'ours', figures: [30, 10, 20] },
  { title: 'theirs', figures: [10, 10, 10] },
  { title: 'elsewhere', absent: 'it is not installed' },
];
const ratio: Goal = { text: 'ours / theirs', figure: (of) => of('ours') / of('theirs') };

function verdict(goal: Partial<Goal>, checks = true): [string | undefined, number] {
  const { lines, missed } = report(rows, [{ ...ratio, ...goal }], checks);
  return [/ {2}(\S+( \S+)*)$/.exec(lines.at(-1) ?? '')?.[1], missed];
}

test('the median of the ratios within a round is held against what must be reached and what is aimed at', () => {
  expect(verdict({ least: 2 })).toEqual(['reached', 0]);
  expect(verdict({ least: 1, aim: 2 })).toEqual(['aim reached', 0]);
  expect(verdict({ least: 2.1, aim: 3 })).toEqual(['MISSED', 1]);
});

test('where less is better the bounds are upper ones', () => {
  expect(verdict({ most: 2, aim: 1 })).toEqual(['reached', 0]);
  expect(verdict({ most: 2.5, aim: 2 })).toEqual(['aim reached', 0]);
  expect(verdict({ most: 1.9 })).toEqual(['MISSED', 1]);
});

test('a bound for every round is missed by one round', () => {
  expect(verdict({ most: 2.9, everyRound: true })).toEqual(['MISSED', 1]);
  expect(verdict({ most: 3, everyRound: true })).toEqual(['reached', 0]);
  expect(verdict({ least: 1.1, everyRound: true })).toEqual(['MISSED', 1]);
});

test('without checks nothing is missed, and it says so', () => {
  expect(verdict({ least: 100 }, false)).toEqual(['not checked', 0]);
});

test('what needs a contender that is absent is shown as not measured, with the reason, and is not missed', () => {
  const goal: Goal = { text: 'ours / elsewhere', figure: (of) => of('ours') / of('elsewhere'), least: 2 };
  const { lines, missed } = report(rows, [goal], true);
  expect(missed).toBe(0);
  expect(lines).toEqual([
    '               min  median    max',
    '  ours       10.00   20.00  30.00',
    '  theirs     10.00   10.00  10.00',
    '  elsewhere  not measured: it is not installed',
    '                    min  median  max  must reach  aim',
    '  ours / elsewhere                          >= 2       not measured: it is not installed',
  ]);
});

test('a goal on a row that is not there is a mistake in the case, not a figure', () => {
  expect(() => report(rows, [{ ...ratio, figure: (of) => of('nobody') }], true)).toThrow('nobody');
});
