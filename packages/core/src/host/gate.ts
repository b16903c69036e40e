import type { Connection, StreamMiddleware, Topology } from '@libp2p/interface';
import type { Registrar } from '@libp2p/interface-internal';
import { HELLO_PROTOCOL } from '../hello/messages.ts';

/** Thrown into a protocol that wanted to run on a connection that was not let in. */
class GateError extends Error {
  override readonly name = 'GateError';
}

const free: ReadonlySet<string> = new Set(['/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0']);

/**
 * Holds every protocol but hello back on a connection until it is clear who is at its other end: streams that
 * either side opens wait, and are reset if the peer is not let in.
 */
export class Gate {
  readonly #open = new Map<string, PromiseWithResolvers<boolean>>();
  /** Whether the network keeps out who does not say hello. */
  isClosed: boolean;

  constructor(isClosed: boolean) {
    this.isClosed = isClosed;
  }

  /** Decides for a connection, once; closing it comes to `false`. */
  settle(connection: string, isOpen: boolean): void {
    this.#waiter(connection).resolve(isOpen);
  }

  forget(connection: string): void {
    this.settle(connection, false);
    this.#open.delete(connection);
  }

  /**
   * Installs the gate. `registrar.use` can't be used for this: libp2p 3.3 appends each stream's handler to the
   * very list that was registered, so that handlers add up; a fresh list for each stream avoids that.
   *
   * GossipSub and the DHT hear of a peer once it is let in. GossipSub opens its streams one after the other:
   * one that waits here for a slow hello would keep it from sending to everybody else.
   */
  install(registrar: Pick<Registrar, 'getMiddleware' | 'register'>): void {
    const hold: StreamMiddleware = async (stream, connection, next) => {
      if (!(await this.#isLetIn(connection)))
        throw new GateError(`${stream.protocol}: ${connection.remotePeer} has not been let in`);
      next(stream, connection);
    };
    registrar.getMiddleware = (protocol) => (this.#isExempt(protocol) ? [] : [hold]);
    const register = registrar.register.bind(registrar);
    registrar.register = (protocol, topology, options) => register(protocol, this.#held(topology), options);
  }

  /** In an open network identify and ping are free: they tell a listener that a peer speaks no hello. */
  #isExempt(protocol: string): boolean {
    return protocol === HELLO_PROTOCOL || (!this.isClosed && free.has(protocol));
  }

  #held(topology: Topology): Topology {
    return {
      ...topology,
      onConnect: (peer, connection) => {
        void this.#isLetIn(connection).then((isLetIn) => {
          if (isLetIn && connection.status === 'open') topology.onConnect?.(peer, connection);
        });
      },
    };
  }

  async #isLetIn(connection: Connection): Promise<boolean> {
    // Its close may have been seen already, and would not be again.
    if (connection.status !== 'open') return false;
    return await this.#waiter(connection.id).promise;
  }

  #waiter(connection: string): PromiseWithResolvers<boolean> {
    let waiter = this.#open.get(connection);
    if (waiter === undefined) {
      waiter = Promise.withResolvers();
      this.#open.set(connection, waiter);
    }
    return waiter;
  }
}
