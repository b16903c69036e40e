import { setTimeout as delay } from 'node:timers/promises';
import { PeerdError } from '@peerd/protocol';

export const defaultIntervalMs = 1_000;

/** More often than ten times a second nobody reads it, and the daemon would be kept busy by being looked at. */
const leastIntervalMs = 100;

/** Fails with `invalid` on what is no pause. */
export function checkInterval(intervalMs: number | undefined): void {
  if (intervalMs !== undefined && intervalMs < leastIntervalMs)
    throw new PeerdError('invalid', `--interval is ${intervalMs}ms: expected ${leastIntervalMs}ms or more`);
}

/** A page on the terminal, made again after each interval, until the person has seen enough. */
export async function showPages(
  linesOf: (signal: AbortSignal) => Promise<readonly string[]>,
  intervalMs: number,
  interrupted: AbortSignal,
): Promise<void> {
  const { Screen } = await import('./screen.ts');
  const quit = new AbortController();
  const signal = AbortSignal.any([quit.signal, interrupted]);
  const screen = new Screen(() => quit.abort());
  try {
    do screen.show(await linesOf(signal));
    while (await pause(intervalMs, signal));
  } catch (error) {
    if (!quit.signal.aborted) throw error;
  } finally {
    screen.close();
  }
}

/** Whether to go on after that time. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return await delay(ms, true, { signal }).catch(() => false);
}
