import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientFrame,
  decodeClientFrame,
  encodeServerFrame,
  FrameDecoder,
  frameHeader,
  type ServerBody,
} from '@peerd/protocol/control';

/** A daemon that says what the test wants it to say, to one client. */
export class DaemonStub {
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #frames: ClientFrame[] = [];
  readonly #connected = Promise.withResolvers<Socket>();
  #wake: (() => void) | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'stub.sock');
    this.#server = createServer((socket) => {
      const decoder = new FrameDecoder();
      socket.on('error', () => {});
      socket.on('data', (chunk: Uint8Array) => {
        decoder.push(chunk, (bytes, start, end) => this.#frames.push(decodeClientFrame(bytes, start, end)));
        this.#wake?.();
      });
      this.#connected.resolve(socket);
    });
  }

  static async listen(): Promise<DaemonStub> {
    const stub = new DaemonStub(await mkdtemp(join(tmpdir(), 'peerd-stub-')));
    stub.#server.listen(stub.path);
    await once(stub.#server, 'listening');
    return stub;
  }

  get socket(): Promise<Socket> {
    return this.#connected.promise;
  }

  async next(): Promise<ClientFrame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async send(call: number, body: ServerBody): Promise<void> {
    const frame = encodeServerFrame(call, body);
    (await this.socket).write(Buffer.concat([frameHeader(frame), frame]));
  }

  /** Answers the client's hello. */
  async welcome(versions: readonly number[] = [1]): Promise<void> {
    await this.next();
    const version = versions.includes(1) ? 1 : 0;
    const value = {
      version,
      versions: [...versions],
      daemonVersion: '9.9.9',
      id: '12D3KooWstub',
      name: 'stub',
    };
    await this.send(0, { case: 'welcome', value });
  }

  async close(): Promise<void> {
    this.#server.close();
    (await this.socket).destroy();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
