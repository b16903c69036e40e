/**
 * A relay of a pipe that is a stream of js-libp2p, with Noise and Yamux as they come: what any program on that stack can
 * carry. `in <path>` accepts streams and passes them on to the Unix socket at the path; `out <path> <address>` accepts
 * at the path and passes on to that node.
 */
import { createConnection, createServer, type Socket } from 'node:net';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { bareNode } from '../bare-libp2p.ts';
import { ready } from './parent.ts';

const PROTOCOL = '/bench/bytes/1.0.0';

const [side, path = '', address = ''] = process.argv.slice(2);
const node = await bareNode();

function join(stream: Stream, socket: Socket): void {
  // The other side ends without a farewell.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    if (!stream.send(chunk)) socket.pause();
  });
  stream.addEventListener('drain', () => socket.resume());
  // A stream that is paused for a moment may be reset: what comes waits in the socket, four messages at most.
  stream.addEventListener('message', ({ data }) => {
    if (data instanceof Uint8Array) {
      socket.write(data);
      return;
    }
    socket.cork();
    for (const part of data) socket.write(part);
    socket.uncork();
  });
}

if (side === 'in') {
  await node.handle(PROTOCOL, (stream) => join(stream, createConnection({ path })));
  ready(node.getMultiaddrs()[0]?.toString());
} else {
  const connection = await node.dial(multiaddr(address));
  createServer((socket) => {
    socket.pause();
    void connection.newStream(PROTOCOL).then((stream) => {
      join(stream, socket);
      socket.resume();
    });
  }).listen(path, () => ready(undefined));
}
