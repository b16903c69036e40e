import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import process from 'node:process';
import { areaLog, createPeer, type Log } from '@peerd/core';
import { type Client, PeerdError } from '@peerd/protocol';
import { type DaemonConfig, loadConfig } from './config/load.ts';
import { compareConfigs, type ReloadResult } from './config/reload.ts';
import { levelsOf, peerConfigOf } from './config/schema.ts';
import type { MadeTicket, TicketOptions } from './control/call.ts';
import { ControlServer } from './control/server.ts';

import { openDataDirectory } from './data/directory.ts';
import { readOrMakeKey } from './data/key-file.ts';
import { createLog, type DaemonLog } from './log/log.ts';
import { addressesFor, addressOf, encodeTicket } from './ticket.ts';
import { version } from './version.ts';

/** Time to stop in order: as long as the service managers that people use allow at the least. */
const stopTimeoutMs = 5_000;

/** What calls in flight have of it; the rest is for telling everybody and for closing. */
const drainTimeoutMs = 4_000;

/** The two programs, and a daemon for each: on one machine, where the number of cores matters most. */
const processesOfRequest = 4;

export interface DaemonOptions {
  /** Default: what `loadConfig()` finds. */
  config?: DaemonConfig;
  /** Default: silent. */
  log?: DaemonLog;
}

export interface DaemonInfo {
  id: string;
  name: string;
  network: string;
  version: string;
  /** Listened multiaddrs, each ending in `/p2p/<id>`. */
  addresses: readonly string[];
  /** The path of the control socket. */
  socket: string;
  /** The data directory. */
  data: string;
  pid: number;
}

export interface Daemon {
  readonly info: DaemonInfo;
  /** The node's own client, in this process. */
  readonly client: Client;
  /** Resolves when the daemon has stopped as asked; rejects with the fault that ended it. */
  readonly stopped: Promise<void>;
  /**
   * Reads the configuration again, as it was read for the start, and takes over what can change while it runs. Fails with
   * `invalid`, and changes nothing, when something is wrong with it. Either way the outcome is logged.
   */
  reload(): Promise<ReloadResult>;
  /**
   * Stops: nothing new is taken, calls in flight have 4 s to end, those that have not settle with `stopped`. Takes 5 s
   * at most, and settles as `stopped` does.
   */
  stop(): Promise<void>;
}

/**
 * Starts a node with its control socket; resolves when both can be used.
 *
 * Fails with `invalid` on a configuration that can't work, an address or socket in use, a data directory in use
 * or not writable; `busy` when the disk is full.
 */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const config = options.config ?? (await loadConfig());
  const log = options.log ?? (await createLog({ level: 'silent' }));
  for (const warning of config.warnings) log.warn(warning);
  const data = await openDataDirectory(config.data, config.socket, log, config.sourceOf(['data']));
  try {
    return await start(config, log, data);
  } catch (error) {
    await data.close();
    throw error;
  }
}

type Data = Awaited<ReturnType<typeof openDataDirectory>>;

async function start(config: DaemonConfig, log: DaemonLog, data: Data): Promise<Daemon> {
  const secret = config.values.secret ?? (await readKeyOf(config, log));
  const peerConfig = peerConfigOf(config.values, { name: config.name, secret });
  const turns = availableParallelism() < processesOfRequest ? 'whole' : 'halves';
  const { client, server } = await createPeer({ ...peerConfig, turns, datastore: data.peers, log });
  const controller = new AbortController();
  const running = server.run({ signal: controller.signal });
  const ended = running.then(() => {
    if (!controller.signal.aborted) throw new PeerdError('internal', 'the server loop ended by itself');
  });
  ended.catch(() => {});

  const { name, socket } = config;
  const about = { id: server.id, name, version, data: data.path, pid: process.pid };
  const identity = { ...about, configFile: pathOf(config.file) };
  let inForce = config;
  let reloading: Promise<unknown> = Promise.resolve();
  const reloadNow = async (): Promise<ReloadResult> => {
    const read = await inForce.reload();
    const result = { ...compareConfigs(config, inForce, read), warnings: read.warnings };
    await server.reconfigure(peerConfigOf(read.values, { name: config.name, secret }));
    log.setLevels(levelsOf(read.values));
    inForce = read;
    identity.configFile = pathOf(read.file);
    return result;
  };
  const reload = (): Promise<ReloadResult> => {
    // One after the other: the last to be asked for is the one that counts.
    const reloaded = reloading.then(reloadNow);
    reloading = reloaded.then(
      (result) => logReload(log, result),
      (error: Error) => log.error(`the configuration stays as it was: ${error.message}`),
    );
    return reloaded;
  };

  const ticket = async ({ addresses: given, withSecret }: TicketOptions): Promise<MadeTicket> => {
    const { id, network, routing, addresses: listened } = await client.status();
    const { addresses, isLoopbackOnly } =
      given.length > 0
        ? { addresses: given.map((address) => addressOf(id, address)), isLoopbackOnly: false }
        : addressesFor(id, listened);
    const strategy = routing.strategy === 'source' ? routing.strategy : undefined;
    const networkSecret = withSecret ? config.values.network_secret : undefined;
    return {
      ticket: encodeTicket({ id, addresses, network, secret: networkSecret, strategy }),
      addresses: addresses.map((address) => `${address}/p2p/${id}`),
      hasSecret: networkSecret !== undefined,
      loopbackOnly: isLoopbackOnly,
    };
  };

  const stopping = Promise.withResolvers<void>();
  const controls = { records: log.records, reload, ticket, stop: () => stopping.resolve() };
  const control = new ControlServer({
    client,
    identity,
    socket: config.socket,
    log: areaLog(log, 'control'),
    daemon: controls,
  });
  let info: DaemonInfo;
  try {
    // Commands wait for the loop, so the first answer means that it listens.
    const { addresses, network } = await client.status();
    info = { ...about, network, addresses, socket };
    await control.listen();
  } catch (error) {
    controller.abort();
    // When it was the loop that failed, its reason says more than that the first command was stopped.
    await running;
    throw error;
  }

  const reason = new PeerdError('stopped', `the daemon ${config.name} was stopped`);
  const stopInOrder = async (): Promise<void> => {
    control.refuse(new PeerdError('stopped', `the daemon ${config.name} is stopping`));
    log.info(`stopping: calls in flight have ${drainTimeoutMs} ms to end`);
    if (!(await within(drainTimeoutMs, server.drain())))
      log.warn(`calls were still in flight after ${drainTimeoutMs} ms: they end with stopped`);
    controller.abort(reason);
    const fault = await ended.then(
      () => undefined,
      (error: unknown) => PeerdError.from(error),
    );
    if (fault !== undefined) log.error(`the server loop ended: ${fault.message}`, { code: fault.code });
    // Its clients hear of the end when all that the next daemon of this name needs is free.
    await data.close();
    await control.close(fault ?? reason);
    if (fault !== undefined) throw fault;
  };
  const stopped = Promise.race([stopping.promise, ended]).then(
    () => bounded(stopInOrder()),
    () => bounded(stopInOrder()),
  );
  stopped.catch(() => {});
  const stop = () => {
    stopping.resolve();
    return stopped;
  };
  return { info, client, stopped, reload, stop };
}

/** For whoever asks, in a directory of their own. */
function pathOf(file: string | undefined): string | undefined {
  return file === undefined ? undefined : resolve(file);
}

function logReload(log: Log, { changed, restart, warnings }: ReloadResult): void {
  for (const warning of warnings) log.warn(warning);
  const what = changed.length === 0 ? 'nothing has changed' : `changed: ${changed.join(', ')}`;
  log.info(`the configuration was read again: ${what}`);
  if (restart.length > 0) log.warn(`what is new in ${restart.join(', ')} needs a restart`);
}

async function readKeyOf(config: DaemonConfig, log: Log): Promise<Uint8Array> {
  const { secret, made } = await readOrMakeKey(config.data);
  if (made) log.info(`a new identity was made: keep ${config.data}/key to keep it`);
  return secret;
}

async function bounded(work: Promise<void>): Promise<void> {
  if (!(await within(stopTimeoutMs, work)))
    throw new PeerdError('internal', `the daemon did not stop within ${stopTimeoutMs} ms`);
}

/** False when the time is over first. Fails as the work does. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
