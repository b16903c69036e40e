/** `<count> <address>`: that many peers in one process, each with a connection to the peer at the address. */
import { createPeer, generateSecret } from '@peerd/core';
import { ready } from './parent.ts';

const [count, address = ''] = process.argv.slice(2);
const stop = new AbortController();
const running = Array.from({ length: Number(count) }, async (_, i) => {
  const { server } = await createPeer({
    secret: await generateSecret(),
    name: `peer-${i}`,
    network: 'bench',
    discovery: 'off',
    peers: [address],
  });
  await server.run({ signal: stop.signal });
});
ready(undefined, async () => {
  stop.abort();
  await Promise.all(running);
});
