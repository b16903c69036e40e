import type { CounterInfo } from '@peerd/protocol';
import type { Quota } from '../channel/quota.ts';

/** Anything that is sent through the loop: a tagged value. */
export interface Message {
  readonly type: string;
}

/** One handler for each of a feature's messages: adding a message touches one place. */
export type Handlers<In extends Message> = {
  readonly [Type in In['type']]: (message: Extract<In, { type: Type }>) => void;
};

/** What the loop gives its features: the time of this turn, randomness, and the way out for what they decide. */
export interface Context<Out extends Message> {
  /** Monotonic ms, the same throughout a turn. */
  readonly nowMs: number;
  /** In [0, 1), from a seeded generator, so that a recorded run can be replayed. */
  random(): number;
  /**
   * Sends an output: a message that another feature handles is handed to it within this turn, anything else is
   * an effect that a driver carries out.
   */
  emit(output: Out): void;
}

/**
 * A part of the node's state and the only code that touches it. Handlers are synchronous and short; they read
 * no clock and do no I/O.
 */
export interface Feature<In extends Message> {
  readonly handlers: Handlers<In>;
  /** When it wants the next tick, in ms of `Context.nowMs`; `Infinity`: not at all. */
  readonly nextTickMs?: number;
  /** Called once at the end of a turn, to send together what the turn has queued. True: there is more. */
  flush?(): boolean;
  /** Called when the server stops: settles every open responder with `stopped`. */
  stop?(): void;
  /** Its bounded queues, for `top`. */
  readonly quotas?: readonly Quota[];
  /** What it refused or dropped for another reason than these, for `top`. */
  readonly counters?: readonly CounterInfo[];
  /** The whole state as plain data, for comparing a run with its replay. */
  snapshot(): unknown;
}
