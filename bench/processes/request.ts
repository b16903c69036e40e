/**
 * One side of the request benchmark: `answer <kind>` prints its address to the parent and echoes; `ask <kind>
 * <address>` measures whenever the parent says for how long.
 */
import { multiaddr } from '@multiformats/multiaddr';
import { createPeer, generateSecret, type Peer } from '@peerd/core';
import { askWithLpStream, askWithPipe, bareNode, serveEcho } from '../bare-libp2p.ts';
import { closedLoop } from '../run.ts';

export type Kind = 'peerd' | 'pipe' | 'lp-stream';

const PAYLOAD_BYTES = 128;

async function startPeer(name: string): Promise<Peer> {
  const peer = await createPeer({ secret: await generateSecret(), name, network: 'bench', discovery: 'off' });
  const stopped = new AbortController();
  const running = peer.server.run({ signal: stopped.signal });
  process.once('disconnect', () => stopped.abort());
  running.catch((error) => {
    console.error(error);
    process.exit(1);
  });
  return peer;
}

/** The address to ask. */
async function answer(kind: Kind): Promise<string | undefined> {
  if (kind === 'peerd') {
    const { client } = await startPeer('answer');
    await client.handle('', (request) => request.payload);
    return (await client.status()).addresses[0];
  }
  const node = await bareNode();
  process.once('disconnect', () => void node.stop());
  await serveEcho(node);
  return node.getMultiaddrs()[0]?.toString();
}

/** One request and its answer. */
async function asker(kind: Kind, address: string): Promise<() => Promise<unknown>> {
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(1);
  if (kind === 'peerd') {
    const { client } = await startPeer('ask');
    return () => client.request(address, payload);
  }
  const node = await bareNode();
  process.once('disconnect', () => void node.stop());
  const connection = await node.dial(multiaddr(address));
  if (kind === 'pipe') return () => askWithPipe(node, connection.remotePeer, payload);
  return () => askWithLpStream(connection, payload);
}

const [role, kind, address] = process.argv.slice(2) as [string, Kind, string];
if (role === 'answer') process.send?.(await answer(kind));
else {
  const ask = await asker(kind, address);
  process.on('message', ({ callers, ms }: { callers: number; ms: number }) => {
    closedLoop(callers, ms, ask).then(
      (figure) => process.send?.(figure),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.send?.('ready');
}
