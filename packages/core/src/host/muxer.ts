import { type YamuxMuxerInit, yamux } from '@chainsafe/libp2p-yamux';
import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface';

/**
 * Yamux keeps what there is of a frame until it is whole, and only then looks whether the frame was allowed. The
 * largest that can be allowed is a full window, which grows to 16 MiB at most.
 */
const MAX_HELD_BYTES = 16 * 1024 * 1024 + 12;

/** Yamux, with a bound on what it keeps of a frame that is not whole: past it the connection is closed. */
export function boundedYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  const makeFactory = yamux(init);
  return () => {
    const factory = makeFactory();
    const { createStreamMuxer } = factory;
    const bounded: StreamMuxerFactory = factory;
    bounded.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer.call(factory, connection);
      const { decoder } = muxer as unknown as { decoder: { buffer: { byteLength: number } } };
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
