/**
 * A part of a bare pipe: `answer <path>` sends back what it gets, `relay <from> <to>` passes bytes on both ways,
 * `ask <path>` measures. Where a relay listens and connects is the path of a Unix socket or a TCP port of 127.0.0.1;
 * on port 0 it says which one it got. With `sealed`, what goes over TCP is encrypted, and messages are handed over
 * whole, as they are to a handler and to its caller.
 */
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { ready, readyToAsk } from './parent.ts';
import { opening, sealing } from './sealing.ts';

const [role, from = '', to = '', sealed] = process.argv.slice(2);
const messageBytes = 1024 * 1024;

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

/** Sends each message back when all of it is there. */
function echoWhole(socket: Socket): void {
  let message = Buffer.allocUnsafeSlow(messageBytes);
  let filled = 0;
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(message, filled, at);
      at += taken;
      filled += taken;
      if (filled < messageBytes) continue;
      socket.write(message);
      message = Buffer.allocUnsafeSlow(messageBytes);
      filled = 0;
    }
  });
}

function relay(socket: Socket): void {
  const next = connect(to);
  if (sealed === undefined) socket.pipe(next).pipe(socket);
  // The end that has the TCP socket behind it seals what goes there.
  else if (sealed === 'out') socket.pipe(sealing()).pipe(next).pipe(opening()).pipe(socket);
  else socket.pipe(opening()).pipe(next).pipe(sealing()).pipe(socket);
}

if (role === 'answer') await serve(from, to === 'whole' ? echoWhole : (socket) => socket.pipe(socket));
else if (role === 'relay') await serve(from, relay);
else ask(from);
