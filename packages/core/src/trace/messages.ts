import type { TraceResult } from '@peerd/protocol';
import type { Responder } from '../channel/responder.ts';
import type { Target } from '../peers/target.ts';

export type TraceCommand =
  | {
      readonly type: 'trace';
      readonly ref: number;
      readonly target: Target;
      readonly timeoutMs: number;
      readonly responder: Responder<TraceResult>;
    }
  /** Nobody waits for it any more. */
  | { readonly type: 'trace/cancel'; readonly ref: number };
