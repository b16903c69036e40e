import { defaults, PeerdError, type RequestOptions } from '@peerd/protocol';
import { AnswerStream, type ClientBody, errorOf } from '@peerd/protocol/control';
import { silent, timeoutOf, watchdog } from './ask.ts';
import type { Calls } from './calls.ts';

/** `Client.requestStream`: the request goes out when the first answer is asked for. */
export async function* requestStream(
  calls: Calls,
  peer: string,
  payload: Uint8Array,
  options: RequestOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, service = '', idempotent = false } = options;
  const timeoutMs = timeoutOf(options.timeoutMs ?? defaults.requestTimeoutMs);
  const value = { peer, payload, service, timeoutMs, stream: true, idempotent };
  yield* answersTo(calls, { case: 'request', value }, { timeoutMs, signal });
}

/** Makes a call that is answered by any number of `answer`, then `done`. Leaving the loop cancels it. */
export async function* answersTo(
  calls: Calls,
  body: ClientBody,
  { timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  const answers = new AnswerStream({
    taken: (cost) => calls.send(id, { case: 'took', value: { cost } }),
    left: () => calls.cancel(id),
  });
  const id = calls.open(body, {
    frame(answer) {
      // A newer daemon may say more than this client knows.
      if (answer.case === undefined) return true;
      if (answer.case === 'answer') {
        answers.push(answer.value.payload);
        return true;
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
  const stopWatch = timeoutMs === undefined ? () => {} : watchdog(timeoutMs, () => fail(silent(timeoutMs)));
  try {
    yield* answers;
  } finally {
    stopWatch();
    signal?.removeEventListener('abort', aborted);
    await answers.return();
  }
}
