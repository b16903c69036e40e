import { PeerdError } from '@peerd/protocol';
import { SocketClient } from './client.ts';
import { Connection } from './connection.ts';
import type { ConnectionEvent } from './events.ts';
import { findSocket, type WhichDaemon } from './find.ts';
import type { HandlerErrorListener } from './inbound.ts';
import { type Dial, type ReconnectOptions, Session } from './session.ts';

export { json, PeerdError, text } from '@peerd/protocol';
export type { BackoffOptions } from './backoff.ts';
export type { SocketClient } from './client.ts';
export type { ConnectionEvent, DaemonInfo, InFlight, NotRestored } from './events.ts';
export { findSocket, runningDaemons, type WhichDaemon } from './find.ts';
export type { HandlerErrorListener } from './inbound.ts';
export type { LogRecord, LogsOptions } from './logs.ts';
export type { JoinTicket, ReloadResult, TicketOptions } from './process.ts';
export type { ReconnectOptions } from './session.ts';

export interface ConnectOptions extends WhichDaemon {
  /** What `peerd top` calls this program. Default: the path of its main file. */
  program?: string | undefined;
  /** Calls the attempt off; it has no effect once connected. */
  signal?: AbortSignal;
  /** How long to wait for a daemon that does not run yet. Default: 0 ms. */
  waitMs?: number;
  /**
   * What to do when the connection to the daemon is lost, because it was stopped, killed or restarted. Default:
   * connect again for as long as it takes, and restore handlers and subscriptions. `false`: this client ends.
   */
  reconnect?: boolean | ReconnectOptions;
  /**
   * With `reconnect: false`: connects also to a daemon that is stopping and takes no calls any more; `closed` tells when it is
   * gone. Default: false, `connect` then fails with `stopped`. Without `reconnect: false` it is `invalid`.
   */
  whileStopping?: boolean | undefined;
  /** Told when the connection is lost, with what was in flight, and when it is restored, with what was missed. */
  onConnection?: (event: ConnectionEvent) => void;
  /**
   * Told of every error of a handler that its caller does not get to see. Default: a warning of the process,
   * with the stack.
   */
  onHandlerError?: HandlerErrorListener;
}

/**
 * Connects to a daemon on this machine: the one at `socket`, else the one called `name` or `PEERD_NAME`, else
 * the only one that runs.
 *
 * Fails with `daemon-unavailable` (none runs, or it does not answer), `invalid` (several run: `candidates` lists
 * them; or other users could have put the socket there), `incompatible` (no common version of the protocol), `busy` (it has as
 * many clients as it takes, or too many connect at once) or `stopped` (it is stopping).
 *
 * When the connection is lost later, calls in flight end with `disconnected`, or are sent again if they are
 * `idempotent`; calls made meanwhile wait for the daemon within their own time, and then fail with
 * `daemon-unavailable`. A daemon with another identity in the place of the first ends the client.
 */
export async function connect(options: ConnectOptions = {}): Promise<SocketClient> {
  const { program, signal, waitMs = 0, reconnect = true, onConnection, onHandlerError } = options;
  const { whileStopping = false } = options;
  const goesOn = reconnect !== false;
  const again = typeof reconnect === 'object' ? reconnect : {};
  checkTimes({ waitMs, ...again });
  if (whileStopping && goesOn)
    throw new PeerdError(
      'invalid',
      'whileStopping needs reconnect: false: who waits for the end goes with it',
    );
  // The only daemon that runs is the one that is meant, also when it is not the only one later.
  let which: WhichDaemon = { socket: options.socket, name: options.name };
  const dial: Dial = async (gone, dialSignal) => {
    const socket = await findSocket(which);
    const opening = {
      program,
      signal: dialSignal,
      onHandlerError,
      goesOn,
      whileStopping,
      gone,
    };
    const { connection, welcome } = await Connection.open(socket, opening);
    if (which.name === undefined) which = { socket };
    const { id, name, daemonVersion: version, pid, data, configFile } = welcome;
    const file = configFile === undefined ? {} : { configFile };
    return { connection, daemon: { id, name, version, socket, pid, data, ...file } };
  };
  const session = await Session.start(
    { dial, reconnect: goesOn ? again : undefined, waitMs, onConnection },
    signal,
  );
  return new SocketClient(session);
}

function checkTimes(times: { [name: string]: number | undefined }): void {
  for (const [name, ms] of Object.entries(times))
    if (ms !== undefined && !(ms >= (name.endsWith('DelayMs') ? 1 : 0)))
      throw new PeerdError('invalid', `${name} is ${ms}: expected a number of milliseconds`);
}
