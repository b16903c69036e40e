import { createServer, type Server, type Socket } from 'node:net';
import type { DirectClient, Log } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import type { DaemonControls, Node } from './call.ts';
import { Feeds } from './feed.ts';
import { loadOf, maxClients, maxTurnedAway, Refusals } from './load.ts';
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
  /** Connections past `maxClients`, until they have been told. */
  readonly #turnedAway = new Set<Session>();
  #isFull = false;
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
      return loadOf(clients, this.#sessions.size, this.#refusals, this.#feeds.load);
    };
    this.#node = { client, feeds: this.#feeds, daemon, load };
    // Half-open, so that a client that has ended hears when all that belonged to it is released.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = maxClients + maxTurnedAway;
    this.#server.on('drop', () => this.#refused());
  }

  /** Fails with `invalid` when the socket can't be listened on. */
  async listen(): Promise<void> {
    this.#file = await listenOn(this.#server, this.#options.socket);
    this.#server.on('error', (error) => this.#options.log.error(`control socket: ${error.message}`));
  }

  /** Connections at the moment, without those that are turned away. */
  get clients(): number {
    return this.#sessions.size;
  }

  /**
   * Tells who greets from now on the reason, and nothing more, but for those that wait for the end. Those that have
   * greeted stay, and are warned.
   */
  refuse(reason: PeerdError): void {
    this.#refusal = reason;
    for (const session of this.#sessions) {
      // One that has not said hello yet is told when it does.
      session.refuse(reason);
      session.warn();
    }
  }

  /** Tells every client the reason and disconnects it; resolves when all is released and the file is gone. */
  async close(reason: PeerdError): Promise<void> {
    // First: once nobody listens, another daemon may take the name.
    await this.#file?.remove();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sessions = [...this.#sessions, ...this.#turnedAway];
    for (const session of sessions) session.end(reason);
    await Promise.all(sessions.map((session) => session.gone));
    await this.#feeds.close();
    await closed;
  }

  #accept(socket: Socket): void {
    const { identity, log } = this.#options;
    this.#lastClient += 1;
    const session = new Session(socket, this.#node, identity, log, this.#refusals, this.#lastClient);
    const isOneTooMany = this.#sessions.size >= maxClients;
    const sessions = isOneTooMany ? this.#turnedAway : this.#sessions;
    sessions.add(session);
    void session.gone.then(() => sessions.delete(session));
    if (isOneTooMany) {
      session.turnAway(tooMany());
      this.#refused();
      return;
    }
    this.#isFull = false;
    if (this.#refusal !== undefined) session.refuse(this.#refusal);
  }

  #refused(): void {
    this.#refusals.clients += 1;
    // Once for all that follow: who is told busy tends to ask again.
    if (!this.#isFull) this.#options.log.warn(`${maxClients} clients are connected: others are turned away`);
    this.#isFull = true;
  }
}

function tooMany(): PeerdError {
  return new PeerdError(
    'busy',
    `the daemon has ${maxClients} clients, the most that it takes: let some end, then try again`,
  );
}
