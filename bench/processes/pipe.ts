/**
 * A part of a bare pipe: `answer <path>` sends back what it gets, `relay <from> <to>` passes bytes on both ways,
 * `ask <path>` measures. Where a relay listens and connects is the path of a Unix socket or a TCP port of 127.0.0.1;
 * on port 0 it says which one it got.
 */
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { ready, readyToAsk } from './parent.ts';

const [role, from = '', to = ''] = process.argv.slice(2);

async function serve(at: string, accept: (socket: Socket) => void): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    // The other side ends without a farewell.
    socket.on('error', () => socket.destroy());
    accept(socket);
  });
  server.listen(/^\d+$/.test(at) ? { port: Number(at), host: '127.0.0.1' } : { path: at });
  await once(server, 'listening');
  ready((server.address() as AddressInfo).port);
}

function connect(at: string): Socket {
  const where = /^\d+$/.test(at) ? { port: Number(at), host: '127.0.0.1', noDelay: true } : { path: at };
  return createConnection(where).on('error', () => {});
}

/** All answers are as long as what was sent, so the next bytes that come are the first that are waited for. */
function ask(path: string): void {
  const waiting: { bytes: number; left: number; resolve(answer: { length: number }): void }[] = [];
  const socket = connect(path);
  socket.on('data', ({ length }) => {
    for (let bytes = length; bytes > 0; ) {
      const first = waiting[0];
      if (first === undefined) throw new Error('bytes that nobody asked for');
      const taken = Math.min(bytes, first.left);
      first.left -= taken;
      bytes -= taken;
      if (first.left > 0) continue;
      waiting.shift();
      first.resolve({ length: first.bytes });
    }
  });
  readyToAsk(
    (payload) =>
      new Promise((resolve) => {
        waiting.push({ bytes: payload.length, left: payload.length, resolve });
        socket.write(payload);
      }),
  );
}

if (role === 'answer') await serve(from, (socket) => socket.pipe(socket));
else if (role === 'relay') await serve(from, (socket) => socket.pipe(connect(to)).pipe(socket));
else ask(from);
