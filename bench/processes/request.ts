/**
 * A peer in a process of its own, with peerd's core or bare libp2p in it: `answer <kind>` says its address and
 * echoes, `ask <kind> <address>` measures.
 */
import { multiaddr } from '@multiformats/multiaddr';
import { createPeer, generateSecret, type Peer } from '@peerd/core';
import { askWithLpStream, askWithPipe, bareNode, serveEcho } from '../bare-libp2p.ts';
import { type Call, ready, readyToAsk } from './parent.ts';

export type Kind = 'peerd' | 'pipe' | 'lp-stream';

async function startPeer(name: string): Promise<{ client: Peer['client']; close(): Promise<void> }> {
  const peer = await createPeer({ secret: await generateSecret(), name, network: 'bench', discovery: 'off' });
  const stopped = new AbortController();
  const running = peer.server.run({ signal: stopped.signal });
  const close = async () => {
    stopped.abort();
    await running;
  };
  return { client: peer.client, close };
}

async function answer(kind: Kind): Promise<void> {
  if (kind === 'peerd') {
    const { client, close } = await startPeer('answer');
    await client.handle('', (request) => request.payload);
    return ready((await client.status()).addresses[0], close);
  }
  const node = await bareNode();
  await serveEcho(node);
  ready(node.getMultiaddrs()[0]?.toString(), async () => await node.stop());
}

async function ask(kind: Kind, address: string): Promise<void> {
  if (kind === 'peerd') {
    const { client, close } = await startPeer('ask');
    return readyToAsk((payload) => client.request(address, payload), close);
  }
  const node = await bareNode();
  const connection = await node.dial(multiaddr(address));
  const call: Call =
    kind === 'pipe'
      ? (payload) => askWithPipe(node, connection.remotePeer, payload)
      : (payload) => askWithLpStream(connection, payload);
  readyToAsk(call, async () => await node.stop());
}

const [role, kind, address = ''] = process.argv.slice(2) as [string, Kind, string?];
await (role === 'answer' ? answer(kind) : ask(kind, address));
