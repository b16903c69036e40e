import type { Stream } from '@libp2p/interface';
import * as lp from 'it-length-prefixed';
import { pipe } from 'it-pipe';
import { raceSignal } from 'race-signal';

/**
 * The one message that a stream carries in our direction; `undefined` when it ends without one. Fails with
 * `InvalidDataLengthError` when it is longer than `maxBytes`.
 */
export function oneMessage(
  stream: Stream,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const first = pipe(
    stream,
    (source) => lp.decode(source, { maxDataLength: maxBytes }),
    async (messages) => {
      for await (const message of messages) return message.subarray();
      return undefined;
    },
  );
  return raceSignal(first, signal);
}

/** Sends one message and closes our direction. */
export async function sendMessage(stream: Stream, message: Uint8Array, signal: AbortSignal): Promise<void> {
  if (!stream.send(lp.encode.single(message))) await drained(stream, signal);
  await stream.close({ signal });
}

/** `stream.onDrain()` is of no use: it stays resolved after the first time. */
function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      stream.removeEventListener('drain', onDrain);
      stream.removeEventListener('close', onClose);
      signal.removeEventListener('abort', onAbort);
      then();
    };
    const onDrain = () => settle(resolve);
    const onClose = () => settle(() => reject(new Error('the stream closed')));
    const onAbort = () => settle(() => reject(signal.reason));
    stream.addEventListener('drain', onDrain);
    stream.addEventListener('close', onClose);
    signal.addEventListener('abort', onAbort);
  });
}
