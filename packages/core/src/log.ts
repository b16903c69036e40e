/** What a record is about: the features of the node, the loop, and what is around it. */
export const logAreas = [
  'daemon',
  'control',
  'loop',
  'hello',
  'peers',
  'ping',
  'request',
  'routing',
  'services',
  'broadcast',
  'discovery',
  'libp2p',
] as const;

export type LogArea = (typeof logAreas)[number];

/** Where core writes what an operator may want to read. `fields` are for machines, `message` for people. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Whether records of this area are kept at `debug`: asked before one is made for each request. Default: no. */
  isDebugging?(area: LogArea): boolean;
}

export interface LogFields {
  readonly area?: LogArea;
  readonly [field: string]: unknown;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The log with every record's area set. */
export function areaLog(log: Log, area: LogArea): Log {
  return {
    debug: (message, fields) => log.debug(message, { area, ...fields }),
    info: (message, fields) => log.info(message, { area, ...fields }),
    warn: (message, fields) => log.warn(message, { area, ...fields }),
    error: (message, fields) => log.error(message, { area, ...fields }),
  };
}
