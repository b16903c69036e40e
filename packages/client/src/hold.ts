import { PeerdError } from '@peerd/protocol';
import { type ClientBody, errorOf, type ServerFrame } from '@peerd/protocol/control';
import { answerWatchdog, frozen } from './ask.ts';
import type { Calls } from './calls.ts';

export interface HoldEvents {
  /** Called once, before any frame can come. */
  opened?(id: number): void;
  frame?(body: ServerFrame['body']): void;
  /** It is over, however that came about; with an error unless it was released. Called once. */
  ended?(error?: unknown): void;
}

/**
 * Makes a call that stays open after its `done`: a registration or a subscription. Resolves, once it stands, to
 * the function that gives it up; that one resolves when the daemon has let go too, and never fails. A daemon that is
 * frozen is waited for only so long, both times. The signal gives it up too, and fails what does not stand yet with its
 * reason.
 */
export function hold(
  calls: Calls,
  body: ClientBody,
  events: HoldEvents,
  signal?: AbortSignal,
): Promise<() => Promise<void>> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  const standing = Promise.withResolvers<() => Promise<void>>();
  const over = Promise.withResolvers<void>();
  let state: 'opening' | 'open' | 'releasing' | 'over' = 'opening';

  let stopWatch = () => {};

  const finish = (error?: unknown) => {
    stopWatch();
    signal?.removeEventListener('abort', aborted);
    const before = state;
    state = 'over';
    if (before === 'opening')
      standing.reject(error ?? new PeerdError('internal', 'the daemon gave no answer'));
    events.ended?.(before === 'releasing' ? undefined : error);
    over.resolve();
  };
  const release = () => {
    if (state === 'open') {
      state = 'releasing';
      calls.send(id, { case: 'cancel', value: {} });
      watch();
    }
    return over.promise;
  };

  const aborted = () => {
    if (state === 'open') void release();
    if (state !== 'opening') return;
    calls.cancel(id);
    finish(signal?.reason);
  };

  const watch = () => {
    stopWatch = answerWatchdog(() => {
      calls.cancel(id);
      finish(frozen());
    });
  };

  const id = calls.open(body, {
    frame(answer) {
      if (answer.case === 'fault') {
        finish(errorOf(answer.value));
        return false;
      }
      if (answer.case === 'done') {
        if (state === 'opening') {
          state = 'open';
          stopWatch();
          standing.resolve(release);
          return true;
        }
        finish();
        return false;
      }
      events.frame?.(answer);
      return true;
    },
    failed: finish,
  });
  watch();
  signal?.addEventListener('abort', aborted);
  events.opened?.(id);
  return standing.promise;
}
