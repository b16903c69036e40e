import { PeerdError } from '@peerd/protocol';
import { type ClientBody, errorOf, type ServerFrame } from '@peerd/protocol/control';
import type { Calls } from './calls.ts';
import type { InFlight } from './events.ts';
import { maxTimerMs } from './surroundings.ts';

/**
 * The daemon keeps the time of a call. A daemon that is itself stuck can't, so the client gives up this much later.
 */
const graceMs = 2_000;

/** Time for the daemon to answer what it knows by itself: it needs none to speak of, unless it is frozen. */
export const answerTimeoutMs = 10_000;

/** Whole milliseconds as the wire has them. Fails with `invalid` on what is not a time. */
export function timeoutOf(timeoutMs: number): number {
  if (!(timeoutMs >= 0))
    throw new PeerdError('invalid', `timeoutMs is ${timeoutMs}: expected a number of milliseconds from 0 up`);
  return Math.min(Math.ceil(timeoutMs), maxTimerMs);
}

/** A whole number as the wire has it. Fails with `invalid` on what is none, or below 1. */
export function countOf(what: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return Math.min(value, 0xffff_ffff);
  throw new PeerdError('invalid', `${what} is ${value}: expected a whole number from 1 up`);
}

export function silent(timeoutMs: number): PeerdError {
  return new PeerdError(
    'timeout',
    `the daemon gave no answer in ${timeoutMs} ms, nor a reason: it may be stuck`,
  );
}

/** What a call that has no time of its own ends with when the daemon says nothing to it. */
export function frozen(timeoutMs: number): PeerdError {
  return new PeerdError(
    'daemon-unavailable',
    `the daemon gave no answer in ${Math.round(timeoutMs)} ms: it may be stuck`,
  );
}

/** Calls `expire` when a call that should be over in `timeoutMs` is not. Returns how to call it off. */
export function watchdog(timeoutMs: number, expire: () => void): () => void {
  const timer = setTimeout(expire, Math.min(timeoutMs + graceMs, maxTimerMs));
  return () => clearTimeout(timer);
}

/** Calls `expire` when what the daemon has to answer at once is not answered. Returns how to call it off. */
export function answerWatchdog(expire: () => void, timeoutMs: number): () => void {
  const timer = setTimeout(expire, timeoutMs);
  return () => clearTimeout(timer);
}

export interface AskOptions {
  signal?: AbortSignal | undefined;
  /** The time that the daemon keeps for the call. Without it the daemon has to answer at once. */
  timeoutMs?: number | undefined;
  /** What "at once" is. Default: 10,000 ms. */
  answerMs?: number;
  about?: InFlight;
}

export type AnswerCase = NonNullable<ServerFrame['body']['case']>;
export type AnswerOf<Case> =
  Extract<ServerFrame['body'], { case: Case }> extends { value: infer Value } ? Value : never;

/** Sends one command and resolves to its one answer, which has to be of the kind `expected`. */
export function ask<Expected extends AnswerCase>(
  calls: Calls,
  body: ClientBody,
  expected: Expected,
  { signal, timeoutMs, about, answerMs = answerTimeoutMs }: AskOptions = {},
): Promise<AnswerOf<Expected>> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let stopWatch = () => {};
    const settled = () => {
      stopWatch();
      signal?.removeEventListener('abort', aborted);
    };
    const aborted = () => {
      settled();
      calls.cancel(id);
      reject(signal?.reason);
    };
    const id = calls.open(body, {
      about,
      frame(answer) {
        // A newer daemon may say more than this client knows.
        if (answer.case === undefined) return true;
        settled();
        if (answer.case === expected) resolve(answer.value as AnswerOf<Expected>);
        else if (answer.case === 'fault') reject(errorOf(answer.value));
        else reject(new PeerdError('internal', `the daemon answered ${answer.case}, not ${expected}`));
        return false;
      },
      failed(error) {
        settled();
        reject(error);
      },
    });
    signal?.addEventListener('abort', aborted, { once: true });
    const giveUp = (error: PeerdError) => {
      settled();
      calls.cancel(id);
      reject(error);
    };
    stopWatch =
      timeoutMs === undefined
        ? answerWatchdog(() => giveUp(frozen(answerMs)), answerMs)
        : watchdog(timeoutMs, () => giveUp(silent(timeoutMs)));
  });
}
