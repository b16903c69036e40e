import type { Quota } from '../channel/quota.ts';
import type { Limits } from '../config.ts';
import type { Context } from '../server/feature.ts';
import type { Link } from './link.ts';
import type { RequestOutput } from './messages.ts';

/** What the asking and the answering side of all calls share. */
export interface Shared {
  readonly context: Context<RequestOutput>;
  readonly limits: Limits;
  /** Payload bytes of all calls in flight, both ways: bounded by `limits.maxBytesInFlight`. */
  readonly held: { bytes: number };
  /** The same as a quota. */
  readonly bytes: Quota;
  /** Has the link looked at when the turn ends. */
  touch(link: Link): void;
}
