/**
 * Every error that peerd reports carries one of these codes, and each code has one exit status, so that a
 * script and a program can tell the same things apart. The union is closed: a new code is a change of the
 * protocol.
 */
const exitStatus = {
  /** A fault of peerd itself. */
  internal: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The call is wrong, or names more than one thing: `candidates` lists them. */
  invalid: 2,
  /** The other side's handler said no, with its reason. */
  refused: 3,
  /** A policy said no: this peer may not be here, or may not use that service. */
  forbidden: 3,
  /** Nobody there handles that service. */
  'no-handler': 4,
  /** The peer is known, no connection to it could be made, and no way leads to it over others. */
  unreachable: 5,
  /** No peer of that name, id or prefix is known. */
  'unknown-peer': 5,
  /** Nobody is subscribed to the topic. */
  'no-peers': 5,
  /** No leader is elected. */
  'no-leader': 5,
  /** The two sides share no protocol version. */
  incompatible: 5,
  /** No answer within the time given. */
  timeout: 6,
  /** A message's deadline passed: whether it was handled is unknown. */
  expired: 6,
  /** A queue or a quota is full; nothing was done. */
  busy: 7,
  /** A payload is over a limit; nothing was done. */
  'too-large': 7,
  /** There is no daemon to ask. */
  'daemon-unavailable': 8,
  /** The daemon, the server or the client has been stopped. */
  stopped: 8,
  /** Not enough peers acknowledged. */
  quorum: 9,
  /** Some peers did it, some did not. */
  partial: 9,
  /** The connection, or every way over others, broke with the call in flight: whether it was handled is unknown. */
  disconnected: 10,
} as const;

export type ErrorCode = keyof typeof exitStatus;

export const errorCodes: readonly ErrorCode[] = Object.keys(exitStatus) as ErrorCode[];

/** The exit status of the `peerd` command for an error code. */
export function exitStatusOf(code: ErrorCode): number {
  return exitStatus[code];
}

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(exitStatus, value);
}

export interface PeerdErrorOptions extends ErrorOptions {
  /** What an ambiguous name or prefix could have meant. */
  candidates?: readonly string[];
}

/** The one error class of every peerd interface. `message` is for a person; programs look at `code`. */
export class PeerdError extends Error {
  override readonly name = 'PeerdError';
  readonly code: ErrorCode;
  readonly candidates: readonly string[];

  constructor(code: ErrorCode, message: string, options: PeerdErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.candidates = options.candidates ?? [];
  }

  /** `error` itself if it is a PeerdError, else an `internal` one that has it as its cause. */
  static from(error: unknown): PeerdError {
    if (error instanceof PeerdError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new PeerdError('internal', message, { cause: error });
  }
}
