import { type YamuxMuxerInit, yamux } from '@chainsafe/libp2p-yamux';
import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';

/**
 * Yamux keeps what there is of a frame until it is whole, and only then looks whether the frame was allowed. The
 * largest that can be allowed is a full window, which grows to 16 MiB at most.
 */
const MAX_HELD_BYTES = 16 * 1024 * 1024 + 12;

/** What Yamux has of a stream, as far as its window goes. */
interface WindowedStream {
  state: number;
  recvWindow: number;
  recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/** Yamux's `StreamState`: both sides know of the stream, and neither has closed it. */
const ESTABLISHED = 3;

/** A stream that is used grows its window to this: calls have a credit of their own, of 1 MiB, which is to be the limit. */
const BUSY_WINDOW_BYTES = 2 * 1024 * 1024;

/**
 * Yamux grants a sender again what it has sent after each frame of data, in a packet that often has nothing else in it:
 * a third of all packets of a single caller. Half a window at a time is what other implementations do.
 */
function spareWindowUpdates(stream: WindowedStream): WindowedStream {
  const update = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    if (stream.state !== ESTABLISHED) return update();
    if (stream.recvWindowCapacity * 2 > stream.recvWindow) return;
    stream.recvWindow = Math.max(stream.recvWindow, Math.min(2 * stream.recvWindow, BUSY_WINDOW_BYTES));
    update();
  };
  return stream;
}

/** Yamux, with a bound on what it keeps of a frame that is not whole: past it the connection is closed. */
export function boundedYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  const makeFactory = yamux(init);
  return () => {
    const factory = makeFactory();
    const { createStreamMuxer } = factory;
    const bounded: StreamMuxerFactory = factory;
    bounded.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer.call(factory, connection);
      const inner = muxer as unknown as {
        decoder: { buffer: { byteLength: number } };
        _newStream(...how: unknown[]): WindowedStream;
      };
      const { decoder } = inner;
      const newStream = inner._newStream.bind(inner);
      inner._newStream = (...how) => spareWindowUpdates(newStream(...how));
      const onData = muxer.onData.bind(muxer);
      muxer.onData = (data) => {
        onData(data);
        // What is thrown here closes the connection.
        if (decoder.buffer.byteLength > MAX_HELD_BYTES) throw new Error('a frame larger than any window');
      };
      return muxer as StreamMuxer;
    };
    return bounded;
  };
}
