import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { lpStream } from '@libp2p/utils';
import * as lp from 'it-length-prefixed';
import { pipe } from 'it-pipe';
import { createLibp2p } from 'libp2p';
import type { Uint8ArrayList } from 'uint8arraylist';

/**
 * A stream for each request, its message and the answer each after their length, in the two ways in which it is
 * written: with a dial by peer id and it-pipe, as the examples of js-libp2p do and as peerd's own
 * `/tinyp2p/req-resp/1.0.0` does; and with the least overhead that the public interface allows.
 */
const PIPE_PROTOCOL = '/bench/pipe/1.0.0';
const LP_STREAM_PROTOCOL = '/bench/lp-stream/1.0.0';

/** More than the bench ever opens: streams that linger while they close must not be refused. */
const limits = { maxInboundStreams: 100_000, maxOutboundStreams: 100_000 };

export async function bareNode(): Promise<Libp2p> {
  return await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(limits)],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
  });
}

export async function serveEcho(node: Libp2p): Promise<void> {
  await node.handle(
    PIPE_PROTOCOL,
    async (stream) => {
      await pipe(stream, lp.decode, echoed, lp.encode, sendTo(stream));
      await stream.close();
    },
    limits,
  );
  await node.handle(
    LP_STREAM_PROTOCOL,
    async (stream) => {
      const messages = lpStream(stream);
      await messages.write(await messages.read());
      await stream.close();
    },
    limits,
  );
}

async function* echoed(messages: AsyncIterable<Uint8ArrayList>): AsyncGenerator<Uint8Array> {
  for await (const message of messages) yield message.subarray();
}

function sendTo(stream: Stream): (chunks: AsyncIterable<Uint8Array>) => Promise<void> {
  return async (chunks) => {
    for await (const chunk of chunks) stream.send(chunk);
  };
}

export async function askWithPipe(
  node: Libp2p,
  peer: PeerId,
  payload: Uint8Array,
): Promise<Uint8Array | undefined> {
  const stream = await node.dialProtocol(peer, [PIPE_PROTOCOL], limits);
  stream.send(lp.encode.single(payload));
  const answer = pipe(stream, lp.decode, first);
  await stream.close();
  return await answer;
}

async function first(messages: AsyncIterable<Uint8ArrayList>): Promise<Uint8Array | undefined> {
  for await (const message of messages) return message.subarray();
  return undefined;
}

export async function askWithLpStream(connection: Connection, payload: Uint8Array): Promise<Uint8Array> {
  const stream = await connection.newStream([LP_STREAM_PROTOCOL], limits);
  const messages = lpStream(stream);
  await messages.write(payload);
  const answer = (await messages.read()).subarray();
  await stream.close();
  return answer;
}
