import { PeerdError, type PeerRef } from '@peerd/protocol';
import { type ClientBody, errorOf, type ServerFrame } from '@peerd/protocol/control';
import { pathOf } from './answers.ts';
import type { Calls, OpenCall } from './calls.ts';
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

/** What a payload costs in memory. Fails with `invalid` on what is none. */
export function bytesOf(payload: unknown): number {
  if (payload instanceof Uint8Array) return payload.length;
  throw new PeerdError('invalid', 'a payload is a Uint8Array');
}

/** The name of a peer, a service, a topic: on the wire `null` and `undefined` would be the empty one. Fails with `invalid`. */
export function textOf(what: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new PeerdError('invalid', `${what} is a text, not ${value === null ? 'null' : typeof value}`);
}

/** Fails with `invalid` on what can't be called. */
export function checkHandler(handler: unknown): void {
  if (typeof handler !== 'function')
    throw new PeerdError(
      'invalid',
      `a handler is a function, not ${handler === null ? 'null' : typeof handler}`,
    );
}

/** A whole number as the wire has it. Fails with `invalid` on what is none, or below the least, by default 1. */
export function countOf(what: string, value: number, least: number = 1): number {
  if (Number.isInteger(value) && value >= least) return Math.min(value, 0xffff_ffff);
  throw new PeerdError('invalid', `${what} is ${value}: expected a whole number from ${least} up`);
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
  /** What a `path` said is told with the answer: a call that is sent again tells the path that it took in the end. */
  onPath?: ((path: readonly PeerRef[]) => void) | undefined;
}

export type AnswerCase = NonNullable<ServerFrame['body']['case']>;
export type AnswerOf<Case> =
  Extract<ServerFrame['body'], { case: Case }> extends { value: infer Value } ? Value : never;

/** A command that waits for its one answer. */
class Asked<Expected extends AnswerCase, T> implements OpenCall {
  readonly about: InFlight | undefined;
  readonly #calls: Calls;
  readonly #expected: Expected;
  readonly #take: (answer: AnswerOf<Expected>) => T;
  readonly #signal: AbortSignal | undefined;
  readonly #onPath: AskOptions['onPath'];
  #path: readonly PeerRef[] | undefined;
  readonly #resolve: (answer: T) => void;
  readonly #reject: (error: unknown) => void;
  #id = 0;
  #stopWatch: (() => void) | undefined;

  constructor(
    calls: Calls,
    expected: Expected,
    take: (answer: AnswerOf<Expected>) => T,
    { signal, about, onPath }: AskOptions,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.about = about;
    this.#calls = calls;
    this.#expected = expected;
    this.#take = take;
    this.#signal = signal;
    this.#onPath = onPath;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  send(body: ClientBody, { timeoutMs, answerMs = answerTimeoutMs }: AskOptions): void {
    this.#signal?.throwIfAborted();
    this.#id = this.#calls.open(body, this);
    this.#signal?.addEventListener('abort', this, { once: true });
    this.#stopWatch =
      timeoutMs === undefined
        ? answerWatchdog(() => this.#giveUp(frozen(answerMs)), answerMs)
        : watchdog(timeoutMs, () => this.#giveUp(silent(timeoutMs)));
  }

  frame(answer: ServerFrame['body']): boolean {
    // A newer daemon may say more than this client knows.
    if (answer.case === undefined) return true;
    if (answer.case === 'path') {
      this.#path = pathOf(answer.value);
      return true;
    }
    this.#settled();
    if (answer.case === this.#expected) this.#answered(answer.value as AnswerOf<Expected>);
    else if (answer.case === 'fault') this.#reject(errorOf(answer.value));
    else
      this.#reject(new PeerdError('internal', `the daemon answered ${answer.case}, not ${this.#expected}`));
    return false;
  }

  #answered(answer: AnswerOf<Expected>): void {
    try {
      if (this.#path !== undefined) this.#onPath?.(this.#path);
      this.#resolve(this.#take(answer));
    } catch (error) {
      this.#reject(error);
    }
  }

  failed(error: PeerdError): void {
    this.#settled();
    this.#reject(error);
  }

  /** The signal is aborted. */
  handleEvent(): void {
    this.#giveUp(this.#signal?.reason);
  }

  #giveUp(error: unknown): void {
    this.#settled();
    this.#calls.cancel(this.#id);
    this.#reject(error);
  }

  #settled(): void {
    this.#stopWatch?.();
    this.#signal?.removeEventListener('abort', this);
  }
}

/**
 * Sends one command and resolves to what `take` makes of its one answer, which has to be of the kind `expected`: with
 * that there is one promise for each request.
 */
export function askFor<Expected extends AnswerCase, T>(
  calls: Calls,
  body: ClientBody,
  expected: Expected,
  take: (answer: AnswerOf<Expected>) => T,
  options: AskOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    new Asked(calls, expected, take, options, resolve, reject).send(body, options);
  });
}

/** Sends one command and resolves to its one answer, which has to be of the kind `expected`. */
export function ask<Expected extends AnswerCase>(
  calls: Calls,
  body: ClientBody,
  expected: Expected,
  options: AskOptions = {},
): Promise<AnswerOf<Expected>> {
  return askFor(calls, body, expected, whole, options);
}

function whole<T>(answer: T): T {
  return answer;
}
