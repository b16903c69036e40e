import { createServer, type Server, type Socket } from 'node:net';
import type { DirectClient, Log } from '@peerd/core';
import type { PeerdError } from '@peerd/protocol';
import type { DaemonControls, Node } from './call.ts';
import { Feeds } from './feed.ts';
import { loadOf, maxClients, Refusals } from './load.ts';
import { type Identity, Session } from './session.ts';
import { listenOn, type SocketFile } from './socket-file.ts';

export interface ControlServerOptions {
  client: DirectClient;
  identity: Identity;
  /** The path of the socket. */
  socket: string;
  log: Log;
  daemon: DaemonControls;
}

/** Lets programs on this machine use the node, over a Unix socket. */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  readonly #feeds = new Feeds();
  readonly #refusals = new Refusals();
  #lastClient = 0;
  readonly #node: Node;
  #file: SocketFile | undefined;
  #refusal: PeerdError | undefined;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    const { client, daemon } = options;
    const load = () => {
      const clients = [...this.#sessions].flatMap(({ info }) => info ?? []);
      return loadOf(clients, this.#refusals, this.#feeds.load);
    };
    this.#node = { client, feeds: this.#feeds, daemon, load };
    // Half-open, so that a client that has ended hears when all that belonged to it is released.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = maxClients;
    this.#server.on('drop', () => {
      this.#refusals.clients += 1;
      options.log.warn(`more than ${maxClients} clients: one was turned away`);
    });
  }

  /** Fails with `invalid` when the socket can't be listened on. */
  async listen(): Promise<void> {
    this.#file = await listenOn(this.#server, this.#options.socket);
    this.#server.on('error', (error) => this.#options.log.error(`control socket: ${error.message}`));
  }

  /** Connections at the moment. */
  get clients(): number {
    return this.#sessions.size;
  }

  /**
   * Tells who connects from now on the reason, and nothing more, but for those that wait for the end. Those that are
   * connected stay, and are warned.
   */
  refuse(reason: PeerdError): void {
    this.#refusal = reason;
    for (const session of this.#sessions) session.warn();
  }

  /** Tells every client the reason and disconnects it; resolves when all is released and the file is gone. */
  async close(reason: PeerdError): Promise<void> {
    // First: once nobody listens, another daemon may take the name.
    await this.#file?.remove();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sessions = [...this.#sessions];
    for (const session of sessions) session.end(reason);
    await Promise.all(sessions.map((session) => session.gone));
    await this.#feeds.close();
    await closed;
  }

  #accept(socket: Socket): void {
    const { identity, log } = this.#options;
    this.#lastClient += 1;
    const session = new Session(socket, this.#node, identity, log, this.#refusals, this.#lastClient);
    this.#sessions.add(session);
    void session.gone.then(() => this.#sessions.delete(session));
    if (this.#refusal !== undefined) session.refuse(this.#refusal);
  }
}
