import { type ErrorCode, PeerdError } from '@peerd/protocol';

/** Why a peer was not reached over others. `dialError`: what came of trying to connect to it. */
export interface NoWay {
  readonly peer: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly dialError: PeerdError | undefined;
}

/** `key`: what the caller has called the peer. */
export function unreachedError(key: string, { peer, code, message, dialError }: NoWay): PeerdError {
  const who = key === peer && message.includes(peer) ? '' : `${key}: `;
  const why = dialError === undefined ? '' : `; ${dialError.message}`;
  return new PeerdError(code, `${who}${message}${why}`);
}
