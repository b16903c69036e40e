import type { PeerdError } from '@peerd/protocol';
import type { Settler } from '../channel/responder.ts';

/** Settles the responder of a command with its result. */
export interface Settle {
  readonly type: 'settle';
  // biome-ignore lint/suspicious/noExplicitAny: the command that carried the responder says what it takes
  readonly responder: Settler<any>;
  readonly value: unknown;
}

/** Settles the responder of a command with an error. */
export interface Fail {
  readonly type: 'fail';
  // biome-ignore lint/suspicious/noExplicitAny: an error fits every responder
  readonly responder: Settler<any>;
  readonly error: PeerdError;
}
