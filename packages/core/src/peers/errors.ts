import { PeerdError } from '@peerd/protocol';

export function ambiguous(key: string, candidates: readonly string[]): PeerdError {
  const message = `${key} fits ${candidates.length} peers: say which by its id`;
  return new PeerdError('invalid', message, { candidates });
}

export function unknown(key: string): PeerdError {
  return new PeerdError('unknown-peer', `no peer is known as ${key}`);
}

export function itself(key: string): PeerdError {
  return new PeerdError('invalid', `${key} is this node itself`);
}

/** There is no connection to it, and others lead to it. `who`: it, as it may be called. */
export function routedOnly({ code, message }: PeerdError, who: string): PeerdError {
  return new PeerdError(code, `${message}; requests reach it over others (\`peerd trace ${who}\`)`);
}

export function closedEarly(peer: string): PeerdError {
  return new PeerdError('unreachable', `the connection to ${peer} closed before it could be used`);
}
