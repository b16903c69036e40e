import type { Stream, StreamMessageEvent } from '@libp2p/interface';
import { LengthPrefixedDecoder } from '@libp2p/utils';
import * as lp from 'it-length-prefixed';

/** A stream of messages, each preceded by its length as an unsigned varint. */
export interface MessageStream {
  onMessage: (bytes: Uint8Array) => void;
  /** The stream has ended; `error` if not in good order. Called once. */
  onClose: (error: Error | undefined) => void;
  send(bytes: Uint8Array): void;
  /** Closes once what was sent has gone out. */
  close(): Promise<void>;
  abort(error: Error): void;
}

/** How long a close may wait for what was sent to go out. */
const CLOSE_TIMEOUT_MS = 2_000;

/** `maxBytes`: longest message that is accepted; a longer one ends the stream. */
export function messageStream(stream: Stream, maxBytes: number): MessageStream {
  const decoder = new LengthPrefixedDecoder({ maxDataLength: maxBytes });
  let isClosed = false;
  const closed = (error: Error | undefined) => {
    if (isClosed) return;
    isClosed = true;
    messages.onClose(error);
  };
  const messages: MessageStream = {
    onMessage: () => {},
    onClose: () => {},
    send: (bytes) => {
      // A stream that is going down says so through its close event.
      if (stream.writeStatus === 'writable') stream.send(lp.encode.single(bytes));
    },
    close: () => stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }),
    abort: (error) => stream.abort(error),
  };
  stream.addEventListener('message', (event: StreamMessageEvent) => {
    try {
      for (const message of decoder.decode(event.data)) messages.onMessage(message.subarray());
    } catch (error) {
      stream.abort(error as Error);
    }
  });
  stream.addEventListener('remoteCloseWrite', () => closed(undefined));
  stream.addEventListener('close', (event) => closed(event.error));
  return messages;
}
