import type { PeerdError } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { PacketReceived, PacketSend } from '../forwarding/messages.ts';
import type { DateTold, Reconfigure } from '../server/inputs.ts';

/**
 * How long a message may be under way at the most, in ms: its id is remembered as long. What is sealed for less may come
 * too late where clocks differ.
 */
export const MAX_LIFETIME_MS = 300_000;

/** What a message is for: its receiver takes no others. */
export type Purpose = 'session-unknown';

/** A message of one way, that only `to` can read, and can tell to be ours. It may get lost: nobody answers. */
export interface SealSend {
  readonly type: 'seal/send';
  readonly to: string;
  readonly purpose: Purpose;
  /** At most 32 KiB. */
  readonly payload: Uint8Array;
  /** At most `MAX_LIFETIME_MS`. */
  readonly lifetimeMs: number;
}

/** It did not go out. */
export interface SealUnsent {
  readonly type: 'seal/unsent';
  readonly to: string;
  readonly purpose: Purpose;
  readonly error: PeerdError;
}

/** `from` has sent it to us, to nobody else, not long ago, and it has not come before. */
export interface SealReceived {
  readonly type: 'seal/received';
  readonly from: string;
  readonly purpose: Purpose;
  readonly payload: Uint8Array;
}

export type SealingInput = SealSend | PacketReceived | DateTold | Reconfigure | { readonly type: 'tick' };

export type SealingOutput = Overload | PacketSend | SealReceived | SealUnsent;
