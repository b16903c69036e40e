import process from 'node:process';
import type { ConnectionEvent, SocketClient } from '@peerd/client';
import { PeerdError, parseDuration } from '@peerd/protocol';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { type Ending, endBy, endings } from './endings.ts';
import { Output } from './output.ts';

/** The options that every command has. */
export interface GlobalOptions {
  json?: boolean;
  name?: string;
  socket?: string;
}

export function outputOf(command: Command): Output {
  return new Output(command.optsWithGlobals<GlobalOptions>().json ?? false);
}

export interface DaemonOptions {
  /** The work outlives the daemon, and this is told how. */
  onConnection?: (event: ConnectionEvent) => void;
  /** A daemon that is stopping will do. Default: false. */
  whileStopping?: boolean;
}

/**
 * Connects to the daemon that the options name, does the work, and closes the connection. Only with `onConnection` does
 * the work outlive the daemon.
 */
export async function withDaemon<T>(
  command: Command,
  work: (node: SocketClient) => Promise<T>,
  signal?: AbortSignal,
  { onConnection, whileStopping = false }: DaemonOptions = {},
): Promise<T> {
  const { name, socket } = command.optsWithGlobals<GlobalOptions>();
  // Loaded only now: help and mistakes in the command line should not have to wait for it.
  const { connect } = await import('@peerd/client');
  const goesOn = onConnection === undefined ? { reconnect: false, whileStopping } : { onConnection };
  const node = await connect({
    program: pathOf(command),
    name,
    socket,
    ...goesOn,
    ...(signal === undefined ? {} : { signal }),
  }).catch(async (error: unknown) => {
    const { explainAbsence } = await import('./absence.ts');
    throw await explainAbsence(error, { name, socket }, !whileStopping);
  });
  try {
    return await work(node);
  } finally {
    await node.close();
  }
}

/** As it is typed: `peerd config reload`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** The reason of an interruption. */
export class Interrupted extends Error {
  readonly signal: Ending;

  constructor(signal: Ending) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** A signal that Ctrl-C, SIGTERM and SIGHUP abort. The second time they end the process at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of Object.keys(endings) as Ending[])
    process.on(signal, () => {
      if (controller.signal.aborted) endBy(signal);
      controller.abort(new Interrupted(signal));
    });
  return controller.signal;
}

/** The argument that names a peer. */
export function peerArgument(): Argument {
  return new Argument('<peer>', 'its name, its id or a unique prefix of it, or a multiaddr');
}

/** Milliseconds of an option such as `5s`. */
export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 5s or 300ms.');
  return ms;
}

export function countOption(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Expected a whole number from 1 up.');
  return count;
}

/** For options that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

export function usage(message: string): PeerdError {
  return new PeerdError('usage', message);
}
