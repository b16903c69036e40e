/** Where core writes what an operator may want to read. `fields` are for machines, `message` for people. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogFields {
  /** What the record is about: a feature, or what is around it. */
  readonly area?: string;
  readonly [field: string]: unknown;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The log with every record's area set. */
export function areaLog(log: Log, area: string): Log {
  return {
    debug: (message, fields) => log.debug(message, { area, ...fields }),
    info: (message, fields) => log.info(message, { area, ...fields }),
    warn: (message, fields) => log.warn(message, { area, ...fields }),
    error: (message, fields) => log.error(message, { area, ...fields }),
  };
}
