import process from 'node:process';
import type { Log } from '@peerd/core';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { LogLevel } from './levels.ts';

const standardError = 2;

/**
 * Logs on standard error, so that standard output stays for what was asked for: readable on a terminal, else a
 * JSON object a line. Written at once: what was logged before a crash is there.
 */
export async function createLog(level: LogLevel): Promise<Log> {
  return adapt(pino({ level, base: null }, await stream()));
}

async function stream(): Promise<DestinationStream> {
  if (process.stderr.isTTY) {
    const { default: pretty } = await import('pino-pretty');
    return tolerant(
      pretty({ destination: standardError, sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss.l' }),
    );
  }
  return tolerant(destination({ fd: standardError, sync: true }));
}

/** A full disk or a closed pipe must not end the daemon. */
function tolerant<Stream extends DestinationStream & { on(event: 'error', listener: () => void): unknown }>(
  out: Stream,
): Stream {
  out.on('error', () => {});
  return out;
}

function adapt(logger: Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}
