import type { Responder } from '../channel/responder.ts';
import type { Limits, ServiceRules } from '../config.ts';
import type { Target } from '../peers/target.ts';

/** The client was closed: whatever it asked for that has no answer yet ends with `stopped`. */
export interface ClientClosed {
  readonly type: 'client/closed';
}

/** Takes on nothing new any more, from users or peers; settled when no call is in flight. */
export interface Drain {
  readonly type: 'drain';
  readonly responder: Responder<void>;
}

/** What of the configuration can change while the node runs, all of it. */
export interface Reconfigure {
  readonly type: 'reconfigure';
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Peers that a connection is kept to. */
  readonly peers: readonly Extract<Target, { kind: 'address' }>[];
  readonly bootstrapIntervalMs: number;
  readonly limits: Limits;
  readonly services: ServiceRules;
  readonly responder: Responder<void>;
}

/** The wall clock was set, or is known for the first time: what is added to the loop's time to get ms since 1970. */
export interface DateTold {
  readonly type: 'loop/date';
  readonly offsetMs: number;
}

/** A peer can be reached, directly or over others, or has another name than before. */
export interface RouteFound {
  readonly type: 'route/found';
  readonly peer: string;
  readonly name: string;
}

/** It can't any more. */
export interface RouteLost {
  readonly type: 'route/lost';
  readonly peer: string;
  /** The one it had last. */
  readonly name: string;
}
