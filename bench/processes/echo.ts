/** The answering process of the request benchmark: a peerd node and a bare libp2p node, both echoing. */
import { createPeer, generateSecret } from '@peerd/core';
import { bareNode, serveEcho } from '../bare-libp2p.ts';

const peer = await createPeer({
  secret: await generateSecret(),
  name: 'echo',
  network: 'bench',
  discovery: 'off',
});
const stopped = new AbortController();
const running = peer.server.run({ signal: stopped.signal });
await peer.client.handle('', (request) => request.payload);
const { addresses } = await peer.client.status();
const bare = await bareNode();
await serveEcho(bare);

process.once('disconnect', () => stopped.abort());
process.send?.({ peerd: addresses[0], bare: bare.getMultiaddrs()[0]?.toString() });
await running;
await bare.stop();
