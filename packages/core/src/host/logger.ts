import type { ComponentLogger, Logger } from '@libp2p/interface';
import type { Log } from '../log.ts';

/** libp2p logs each step of each stream: only its errors are of interest here, and only to who debugs. */
export function libp2pLogger(log: Log): ComponentLogger {
  return { forComponent: (component) => loggerFor(component, log) };
}

function loggerFor(component: string, log: Log): Logger {
  const nothing = () => {};
  const error = (format: unknown, ...values: unknown[]) => {
    log.debug(fill(String(format), values), { component });
  };
  return Object.assign(nothing, {
    enabled: false,
    error,
    trace: nothing,
    newScope: (name: string) => loggerFor(`${component}:${name}`, log),
  }) as unknown as Logger;
}

/** Puts values in the place of libp2p's `%p`, `%a`, `%e` and the like. */
function fill(format: string, values: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(/%[a-zA-Z]/g, (place) => {
    if (next >= values.length) return place;
    const value = values[next];
    next += 1;
    return value instanceof Error ? value.message : String(value);
  });
  return text;
}
