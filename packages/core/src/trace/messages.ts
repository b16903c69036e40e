import type { TraceResult } from '@peerd/protocol';
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

export type TraceInput =
  | TraceCommand
  | ClientClosed
  | PeerResolved
  | Extract<PeerReached, { type: 'peer/unreached' }>
  | Extract<PeersOutput, { type: 'peer/went' }>
  | PacketReceived
  | PacketUnsent
  | ProbeExpired
  | { readonly type: 'tick' };

export type TraceOutput = Overload | Settle | Fail | PeerResolve | PacketSend;
