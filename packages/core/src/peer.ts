import type { Client } from '@peerd/protocol';
import type { PeerConfig } from './config.ts';
import type { EventHandler } from './server/handler.ts';

/** The two halves of a peer: the client sends commands, the server owns all state and does the work. */
export interface Peer {
  client: Client;
  server: Server;
}

export interface Server {
  /** The peer id, known before the server runs. */
  readonly id: string;
  /** Registers the handler of inbound requests and broadcasts. A second one fails with `invalid`. */
  setEventHandler(handler: EventHandler): void;
  /**
   * Listens, and serves until `signal` is aborted; resolves when everything is closed. Commands sent before
   * wait for it. When it ends, every open call has settled with `stopped`. It can be run once.
   *
   * Fails with `invalid` when an address can't be listened on (port in use, no such interface).
   */
  run(options?: { signal?: AbortSignal }): Promise<void>;
}

/** Fails with `invalid` on a configuration that can't work, naming the key. */
export function createPeer(_config: PeerConfig): Promise<Peer> {
  throw new Error('in progress');
}
