import { PeerdError, type PeerRef } from '@peerd/protocol';
import { AnswerStream, type ClientBody, errorOf, streamWindow } from '@peerd/protocol/control';
import { pathOf } from './answers.ts';
import { answerTimeoutMs, silent, timeoutOf, watchdog } from './ask.ts';
import type { InFlight } from './events.ts';
import type { Session } from './session.ts';

export interface StreamCall {
  about: InFlight;
  body(leftMs: number): ClientBody;
  /** The time for all of it. Default: without an end, once a connection is there. */
  timeoutMs?: number;
  signal: AbortSignal | undefined;
  /** What waits in memory while there is no connection. Default: 0. */
  bytes?: number;
  onPath?: ((path: readonly PeerRef[]) => void) | undefined;
}

/**
 * Makes a call that is answered by any number of `answer`, then `done`. It goes out when the first answer is asked for,
 * and is not made again when the connection is lost. Leaving the loop cancels it.
 */
export async function* answersTo(
  session: Session,
  { about, body, timeoutMs, signal, bytes = 0, onPath }: StreamCall,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { calls, leftMs } = await session.attempt({
    timeoutMs: timeoutMs ?? answerTimeoutMs,
    signal,
    bytes,
    again: false,
    send: async ({ calls }, left) => ({ calls, leftMs: timeoutOf(left) }),
  });
  signal?.throwIfAborted();
  const answers = new AnswerStream({
    taken: (cost) => calls.send(id, { case: 'took', value: { cost } }),
    left: () => calls.cancel(id),
  });
  const id = calls.open(body(leftMs), {
    about,
    frame(answer) {
      // A newer daemon may say more than this client knows.
      if (answer.case === undefined) return true;
      if (answer.case === 'answer') {
        if (!answers.push(answer.value.payload))
          fail(
            new PeerdError('internal', `the daemon sent answers past the window of ${streamWindow} bytes`),
          );
        return true;
      }
      if (answer.case === 'path') {
        try {
          onPath?.(pathOf(answer.value));
          return true;
        } catch (error) {
          fail(error);
          return false;
        }
      }
      if (answer.case === 'done') answers.end();
      else if (answer.case === 'fault') answers.end(errorOf(answer.value));
      else answers.end(new PeerdError('internal', `the daemon answered ${answer.case}, not an answer`));
      return false;
    },
    failed: (error) => answers.end(error),
  });
  const fail = (reason: unknown) => {
    calls.cancel(id);
    answers.end(reason);
  };
  const aborted = () => fail(signal?.reason);
  signal?.addEventListener('abort', aborted, { once: true });
  const stopWatch = timeoutMs === undefined ? () => {} : watchdog(leftMs, () => fail(silent(timeoutMs)));
  try {
    yield* answers;
  } finally {
    stopWatch();
    signal?.removeEventListener('abort', aborted);
    await answers.return();
  }
}
