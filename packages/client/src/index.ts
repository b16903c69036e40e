import { SocketClient } from './client.ts';
import { Connection } from './connection.ts';
import { findSocket, type WhichDaemon } from './find.ts';
import type { HandlerErrorListener } from './inbound.ts';

export type { DaemonInfo, SocketClient } from './client.ts';
export { findSocket, runningDaemons, type WhichDaemon } from './find.ts';
export type { HandlerErrorListener } from './inbound.ts';
export type { LogRecord, LogsOptions } from './logs.ts';

export interface ConnectOptions extends WhichDaemon {
  /** Calls the attempt off; it has no effect once connected. */
  signal?: AbortSignal;
  /**
   * Told of every error of a handler that its caller does not get to see. Default: a warning of the process,
   * with the stack.
   */
  onHandlerError?: HandlerErrorListener;
}

/**
 * Connects to a daemon on this machine: the one at `socket`, else the one called `name`, else what `PEERD_SOCKET`
 * or `PEERD_NAME` say, else the only one that runs.
 *
 * Fails with `daemon-unavailable` (none runs, or it does not answer), `invalid` (several run: `candidates` lists
 * them; or other users could have put the socket there) or `incompatible` (no common version of the protocol).
 */
export async function connect(options: ConnectOptions = {}): Promise<SocketClient> {
  const socket = await findSocket(options);
  const { signal, onHandlerError } = options;
  const { connection, welcome } = await Connection.open(socket, { signal, onHandlerError });
  const { id, name, daemonVersion: version } = welcome;
  return new SocketClient({ id, name, version, socket }, connection);
}
