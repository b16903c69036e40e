import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from './report.ts';

export interface Measured {
  readonly calls: number;
  readonly callsPerSecond: number;
  /** How long a call took, in microseconds: of the first caller's calls. */
  readonly medianUs: number;
  readonly p99Us: number;
}

/** Keeps `callers` calls going for `ms`, each caller with its next when the one before it is answered. */
export async function closedLoop(
  callers: number,
  ms: number,
  call: () => Promise<unknown>,
): Promise<Measured> {
  const latenciesMs: number[] = [];
  let calls = 0;
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
  }, ms);
  const caller = async () => {
    do {
      await call();
      calls += 1;
    } while (!isOver);
  };
  // Only one takes the time: the clock costs as much as a trivial command.
  const firstCaller = async () => {
    do {
      const askedMs = performance.now();
      await call();
      latenciesMs.push(performance.now() - askedMs);
      calls += 1;
    } while (!isOver);
  };
  const startedMs = performance.now();
  try {
    await Promise.all(Array.from({ length: callers }, (_, i) => (i === 0 ? firstCaller() : caller())));
  } finally {
    clearTimeout(timer);
  }
  const callsPerSecond = (calls / (performance.now() - startedMs)) * 1_000;
  return { calls, callsPerSecond, ...latencyOf(latenciesMs) };
}

/** One caller that waits `pauseMs` after each answer, for `ms`. */
export async function pacedLoop(
  pauseMs: number,
  ms: number,
  call: () => Promise<unknown>,
): Promise<Measured> {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  do {
    const askedMs = performance.now();
    await call();
    latenciesMs.push(performance.now() - askedMs);
    await delay(pauseMs);
  } while (performance.now() - startedMs < ms);
  const callsPerSecond = (latenciesMs.length / (performance.now() - startedMs)) * 1_000;
  return { calls: latenciesMs.length, callsPerSecond, ...latencyOf(latenciesMs) };
}

function latencyOf(latenciesMs: number[]): { medianUs: number; p99Us: number } {
  latenciesMs.sort((a, b) => a - b);
  return { medianUs: percentile(latenciesMs, 0.5) * 1_000, p99Us: percentile(latenciesMs, 0.99) * 1_000 };
}
