import type { PeerdError, TraceResult } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { PacketReceived, PacketSend, PacketUnsent, ProbeExpired } from '../forwarding/messages.ts';
import type { PeerReached, PeerResolve, PeerResolved, PeersOutput } from '../peers/messages.ts';
import type { Target } from '../peers/target.ts';
import type { ClientClosed } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';

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

/** Asks for a round trip to a peer that there is no connection to; answered by `probe/answered` or `probe/unanswered`. */
export type ProbeAsk =
  | { readonly type: 'probe/ask'; readonly ref: number; readonly peer: string }
  /** Nobody waits for it any more. */
  | { readonly type: 'probe/leave'; readonly ref: number };

export type ProbeOutcome =
  /** By the peer itself, which has signed that. */
  | { readonly type: 'probe/answered'; readonly ref: number; readonly rttMs: number }
  /** No way leads to it. As long as one does, probes go out and there is no outcome. */
  | { readonly type: 'probe/unanswered'; readonly ref: number; readonly error: PeerdError };

export type TraceInput =
  | TraceCommand
  | ProbeAsk
  | ClientClosed
  | PeerResolved
  | Extract<PeerReached, { type: 'peer/unreached' }>
  | Extract<PeersOutput, { type: 'peer/went' }>
  | PacketReceived
  | PacketUnsent
  | ProbeExpired
  | { readonly type: 'tick' };

export type TraceOutput = Overload | Settle | Fail | PeerResolve | PacketSend | ProbeOutcome;
