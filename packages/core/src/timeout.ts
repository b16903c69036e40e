import { PeerdError } from '@peerd/protocol';

/** The longest time, in ms, that a timer takes: about 25 days. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** The timeout that a user gave, or the longest there is; fails with `invalid` when it is none. */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0))
    throw new PeerdError('invalid', `a timeout is a positive number of ms, not ${timeoutMs}`);
  return Math.min(timeoutMs, MAX_TIMER_MS);
}
