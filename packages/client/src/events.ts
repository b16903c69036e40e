import type { PeerdError } from '@peerd/protocol';

/** The daemon this client is connected to. */
export interface DaemonInfo {
  /** Its peer id. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** The path of its socket. */
  readonly socket: string;
  /** Its process. */
  readonly pid: number;
  /** Its data directory. */
  readonly data: string;
  /** The configuration file that it has read; absent if it has read none. */
  readonly configFile?: string;
}

/** A call that was open when the connection was lost. */
export interface InFlight {
  /** The method that was called; `handler` is a request that a handler of this client had in hand. */
  readonly kind: string;
  readonly peer?: string;
  readonly service?: string;
  readonly topic?: string;
  /** Whether it is sent again when the daemon is back. Otherwise it ended `disconnected`. */
  readonly again: boolean;
}

/** A subscription, a registration or a watch that the daemon, being back, would not have. It has ended. */
export interface NotRestored {
  readonly kind: 'subscription' | 'registration' | 'watch';
  readonly topics?: readonly string[];
  readonly service?: string;
  readonly error: PeerdError;
}

export type ConnectionEvent =
  | {
      readonly type: 'lost';
      readonly error: PeerdError;
      /** What was open, the first 100 of it. */
      readonly inFlight: readonly InFlight[];
      /** How much was open. */
      readonly inFlightCount: number;
    }
  | {
      readonly type: 'restored';
      readonly awayMs: number;
      /** How often it was tried, the last time included. */
      readonly attempts: number;
      readonly daemon: DaemonInfo;
      /**
       * Messages that all subscriptions together missed; undefined when the daemon can't know, because it was restarted
       * or this client was gone for over 30 s.
       */
      readonly missed: number | undefined;
      readonly notRestored: readonly NotRestored[];
    };

/** Open calls that a `lost` event lists. */
export const maxListed = 100;
