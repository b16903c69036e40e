import { parseDuration } from '@peerd/protocol';
import { expect, test } from 'vitest';

test.each([
  ['300ms', 300],
  ['5s', 5_000],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 's', '-1s', '5 parsecs', '1e3s', '1s1s'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
