import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';

/**
 * This much does not wait for the end of the turn: the other side can begin on it. Less is not worth a packet, which
 * costs both sides about 50 us whatever is in it.
 */
const FULL_PACKET_BYTES = 4 * 1024;

/** Up to this size bytes are put together by copying; of more each copy takes longer than handling the parts does. */
const COPIED_BYTES = 16 * 1024;

/**
 * Makes an encrypter whose connections send together what was written in one turn of Node's event loop: one
 * encryption and one write to the socket. Yamux answers every frame of data with a window update of 12 bytes,
 * which by itself costs as much as the frame.
 */
export function coalescing<Components>(
  make: (components: Components) => ConnectionEncrypter,
): (components: Components) => ConnectionEncrypter {
  return (components) => {
    const encrypter = make(components);
    const { secureInbound, secureOutbound } = encrypter;
    encrypter.secureInbound = async (raw, options) =>
      coalesce(raw, await secureInbound.call(encrypter, raw, options));
    encrypter.secureOutbound = async (raw, options) =>
      coalesce(raw, await secureOutbound.call(encrypter, raw, options));
    return encrypter;
  };
}

function coalesce(raw: MessageStream, secured: SecuredConnection): SecuredConnection {
  const { connection } = secured;
  spareStackTraces(connection);
  spareCopies(connection);
  writeTogether(raw);
  const send = connection.send.bind(connection);
  const close = raw.close.bind(raw);
  let waiting: (Uint8Array | Uint8ArrayList)[] = [];
  let bytes = 0;
  const flush = () => {
    const [first, second] = waiting;
    if (first === undefined) return;
    const list = second === undefined ? first : new Uint8ArrayList(...waiting);
    // One buffer, if it is small: encrypting a list costs a call into OpenSSL for each of its parts.
    const together = bytes < COPIED_BYTES ? list.subarray() : list;
    waiting = [];
    bytes = 0;
    try {
      send(together);
    } catch (error) {
      // The socket is going down under it: nobody else is there to be told.
      connection.abort(error as Error);
    }
  };
  connection.send = (data) => {
    // After the turn of the server's loop that the data which came in has brought about.
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(data);
    bytes += data.byteLength;
    if (bytes >= FULL_PACKET_BYTES) flush();
    return !connection.writableNeedsDrain;
  };
  raw.close = (options) => {
    flush();
    return close(options);
  };
  return secured;
}

/** A connection's own way to its socket, where that is TCP. */
interface SocketConnection {
  readonly socket?: { cork(): void; write(bytes: Uint8Array): boolean; uncork(): void };
  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean };
}

/** Noise passes each packet as its length and its text, which TCP would write to the socket one by one. */
function writeTogether(raw: MessageStream): void {
  const connection = raw as unknown as SocketConnection;
  const { socket } = connection;
  if (socket === undefined) return;
  connection.sendData = (data) => {
    const sentBytes = data.byteLength;
    if (sentBytes < COPIED_BYTES) return { sentBytes, canSendMore: socket.write(data.subarray()) };
    socket.cork();
    let canSendMore = true;
    for (const part of data) canSendMore = socket.write(part);
    socket.uncork();
    return { sentBytes, canSendMore };
  };
}

/** What Noise's connection does with a packet that has come whole. */
interface Decrypting {
  readonly handshake?: { decrypt(packet: Uint8ArrayList, target?: Uint8Array): Uint8Array | Uint8ArrayList };
  decrypt(packet: Uint8ArrayList): Uint8Array | Uint8ArrayList;
}

/** Noise makes one buffer of each packet, to decrypt it in place, which `noiseCrypto` has no use for. */
function spareCopies(connection: object): void {
  const noise = connection as Decrypting;
  const { handshake } = noise;
  if (handshake === undefined) return;
  const decrypt = noise.decrypt.bind(noise);
  noise.decrypt = (packet) =>
    packet.byteLength < COPIED_BYTES ? decrypt(packet) : handshake.decrypt(packet);
}

/** What Noise's decoder waits for: thrown as it is, for want of more bytes, after every packet. */
const noLengthYet = new RangeError('a packet starts with two bytes of length');

/**
 * Noise finds the end of what has come in by a RangeError, whose stack trace takes 15 us to collect: as long as all the
 * rest of a small packet. The same decoder with an error that is there already.
 */
function spareStackTraces(connection: object): void {
  const { decoder } = connection as { decoder?: { lengthDecoder?: unknown } };
  if (typeof decoder?.lengthDecoder !== 'function') return;
  decoder.lengthDecoder = (bytes: Uint8ArrayList): number => {
    if (bytes.byteLength < 2) throw noLengthYet;
    return (bytes.get(0) << 8) | bytes.get(1);
  };
}
