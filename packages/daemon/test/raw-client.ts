import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import {
  type ClientBody,
  decodeServerFrame,
  encodeClientFrame,
  FrameDecoder,
  frameHeader,
  type ServerFrame,
} from '@peerd/protocol/control';

/** A client that says what the test wants it to say, and nothing else. */
export class RawClient {
  readonly socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #frames: ServerFrame[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  static async greeted(path: string): Promise<RawClient> {
    const client = await RawClient.connect(path);
    client.read();
    client.send(0, { case: 'hello', value: { versions: [1], program: 'test' } });
    await client.next();
    return client;
  }

  /** Begins to read. */
  read(): void {
    this.socket.on('data', (chunk: Uint8Array) => {
      this.#decoder.push(chunk, (bytes, start, end) =>
        this.#frames.push(decodeServerFrame(bytes, start, end)),
      );
      this.#wake?.();
    });
  }

  send(call: number, body: ClientBody): void {
    this.socket.write(bytesOf(call, body));
  }

  /** The next frame; undefined when the connection is closed. */
  async next(): Promise<ServerFrame | undefined> {
    while (this.#frames.length === 0 && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#frames.shift();
  }
}

export function bytesOf(call: number, body: ClientBody): Uint8Array {
  const frame = encodeClientFrame(call, body);
  return Buffer.concat([frameHeader(frame), frame]);
}
