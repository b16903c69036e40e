import { expect, test } from 'vitest';
import { checkTimeout, MAX_TIMER_MS } from '../src/timeout.ts';

test.each([0.5, 1, 30_000, MAX_TIMER_MS])('a timeout of %d ms is taken as it is', (timeoutMs) => {
  expect(checkTimeout(timeoutMs)).toBe(timeoutMs);
});

test.each([2 ** 31, 1e100, Number.POSITIVE_INFINITY])('a timeout of %d ms is as long as can be', (ms) => {
  expect(checkTimeout(ms)).toBe(MAX_TIMER_MS);
});

test.each([0, -1, Number.NEGATIVE_INFINITY, Number.NaN, '5', null])('%o is not a timeout', (timeoutMs) => {
  expect(() => checkTimeout(timeoutMs as number)).toThrow(`a positive number of ms, not ${timeoutMs}`);
});
