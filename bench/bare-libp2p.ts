import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Libp2p, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { lpStream } from '@libp2p/utils';
import { createLibp2p } from 'libp2p';

/** What js-libp2p's users write: one stream for each request, a message there and a message back. */
export const ECHO_PROTOCOL = '/bench/echo/1.0.0';

/** More than the bench ever opens: streams that linger while they close must not be refused. */
const MAX_STREAMS = 100_000;

export async function bareNode(): Promise<Libp2p> {
  return await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS })],
    connectionMonitor: { enabled: false },
    connectionGater: { denyDialMultiaddr: () => false },
  });
}

export async function serveEcho(node: Libp2p): Promise<void> {
  const limits = { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS };
  await node.handle(
    ECHO_PROTOCOL,
    async (stream: Stream) => {
      const messages = lpStream(stream);
      await messages.write(await messages.read());
      await stream.close();
    },
    limits,
  );
}

export async function echo(
  connection: Awaited<ReturnType<Libp2p['dial']>>,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const stream = await connection.newStream([ECHO_PROTOCOL], { maxOutboundStreams: MAX_STREAMS });
  const messages = lpStream(stream);
  await messages.write(payload);
  const answer = (await messages.read()).subarray();
  await stream.close();
  return answer;
}
