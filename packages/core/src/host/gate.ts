import type { Connection, StreamMiddleware } from '@libp2p/interface';
import type { Registrar } from '@libp2p/interface-internal';
import { HELLO_PROTOCOL } from '../hello/messages.ts';

/** Thrown into a protocol that wanted to run on a connection that was not let in. */
class GateError extends Error {
  override readonly name = 'GateError';
}

/**
 * Holds every protocol but hello back on a connection until it is clear who is at its other end: streams that
 * either side opens wait, and are reset if the peer is not let in.
 */
export class Gate {
  readonly #open = new Map<string, PromiseWithResolvers<boolean>>();
  readonly #exempt: ReadonlySet<string>;

  /** `exempt`: protocols that may run before the hello. */
  constructor(exempt: readonly string[]) {
    this.#exempt = new Set([HELLO_PROTOCOL, ...exempt]);
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
   */
  install(registrar: Pick<Registrar, 'getMiddleware'>): void {
    const hold: StreamMiddleware = async (stream, connection, next) => {
      if (!(await this.#isLetIn(connection)))
        throw new GateError(`${stream.protocol}: ${connection.remotePeer} has not been let in`);
      next(stream, connection);
    };
    registrar.getMiddleware = (protocol) => (this.#exempt.has(protocol) ? [] : [hold]);
  }

  #isLetIn(connection: Connection): Promise<boolean> {
    return this.#waiter(connection.id).promise;
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
