import { PeerdError } from '@peerd/protocol';

/** Why the node can't listen, for a person: libp2p wraps the system's error in errors of its own. */
export function listenError(addresses: readonly string[], error: unknown): PeerdError {
  const text = textsOf(error).join('; ');
  const where = addresses.join(', ');
  const why = /EADDRINUSE/.test(text)
    ? 'the port is in use: stop who uses it, or listen on another'
    : /EACCES/.test(text)
      ? 'this user may not listen there: ports below 1024 need privileges'
      : /EADDRNOTAVAIL/.test(text)
        ? 'no interface of this machine has that address'
        : text;
  return new PeerdError('invalid', `can't listen on ${where}: ${why}`, { cause: error });
}

function textsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const inner = error instanceof AggregateError ? error.errors : [];
  return [
    error.message,
    ...inner.flatMap(textsOf),
    ...(error.cause === undefined ? [] : textsOf(error.cause)),
  ];
}
