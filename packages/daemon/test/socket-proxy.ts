import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** Stands between clients and a daemon's socket, and can break their connections while the daemon lives. */
export class SocketProxy {
  readonly path: string;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(target: string) {
    this.#target = target;
    this.path = `${target}.proxy`;
  }

  static async before(target: string): Promise<SocketProxy> {
    const proxy = new SocketProxy(target);
    await proxy.open();
    return proxy;
  }

  /** Takes connections. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = createServer((client) => {
      const daemon = createConnection(this.#target);
      for (const [from, to] of [
        [client, daemon],
        [daemon, client],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
  }

  /** Breaks all connections and takes no more, as if nobody listened. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await rm(this.path, { force: true });
  }
}
