import process from 'node:process';
import type { Log, LogArea } from '@peerd/core';
import { printable } from '@peerd/protocol';
import { type Logger, pino } from 'pino';
import { type LogLevel, logLevels } from './levels.ts';
import { LogRing } from './ring.ts';
import { type Sink, standardErrorSink } from './sink.ts';

/** What is logged, in all and by area. */
export interface Levels {
  level: LogLevel;
  areas?: { readonly [Area in LogArea]?: LogLevel | undefined } | undefined;
}

/** Logs on standard error, and keeps the last records for who asks later. */
export interface DaemonLog extends Log {
  readonly records: LogRing;
  setLevels(levels: Levels): void;
}

export interface LogOptions extends Levels {
  /** Default: standard error, readable on a terminal, else a JSON object a line. */
  sink?: Sink;
}

type Fields = Readonly<Record<string, unknown>>;

export async function createLog({ sink, ...levels }: LogOptions): Promise<DaemonLog> {
  const format = sink === undefined && process.stderr.isTTY ? await prettyFormat() : (line: string) => line;
  const write = counting(sink ?? standardErrorSink(), format);
  const logger = pino({ level: 'debug', base: null }, { write });
  return new LevelledLog(logger, levels);
}

class LevelledLog implements DaemonLog {
  readonly records: LogRing = new LogRing();
  readonly #logger: Logger;
  #levels: Levels;

  constructor(logger: Logger, levels: Levels) {
    this.#logger = logger;
    this.#levels = levels;
  }

  setLevels(levels: Levels): void {
    this.#levels = levels;
  }

  debug(message: string, fields?: Fields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: Fields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: Fields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: Fields): void {
    this.#write('error', message, fields);
  }

  isDebugging(area: LogArea): boolean {
    return this.#leastOf(area) === 'debug';
  }

  #leastOf(area: unknown): LogLevel {
    return this.#levels.areas?.[area as LogArea] ?? this.#levels.level;
  }

  #write(
    level: Exclude<LogLevel, 'silent'>,
    message: string,
    { area = 'daemon', ...fields }: Fields = {},
  ): void {
    if (logLevels.indexOf(level) < logLevels.indexOf(this.#leastOf(area))) return;
    // Parts of it may be a stranger's words.
    const text = printable(message);
    this.records.push({ timeMs: Date.now(), level, area: String(area), message: text, fields });
    this.#logger[level]({ area, ...fields }, text);
  }
}

/** A line of pino's for a person. */
async function prettyFormat(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: true,
    translateTime: 'SYS:HH:MM:ss.l',
    hideObject: true,
    messageFormat: '{area}: {msg}',
  });
  return (line) => pretty(line);
}

/** Says how many lines were lost, once lines can be written again. */
function counting(sink: Sink, format: (line: string) => string): (line: string) => void {
  let lost = 0;
  return (line) => {
    if (lost > 0 && sink.write(format(lossLine(lost)))) lost = 0;
    if (lost > 0 || !sink.write(format(line))) lost += 1;
  };
}

/** As pino has its lines, with the number that it gives a warning. */
function lossLine(lost: number): string {
  const msg = `${lost} records could not be written here`;
  return `${JSON.stringify({ level: 40, time: Date.now(), area: 'daemon', msg })}\n`;
}
