import type { ConnectedPeer } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { ConnectionEvent, PeerPart, PeerReach, PeerReached } from '../peers/messages.ts';
import type { Target } from '../peers/target.ts';
import type { ClientClosed } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';

export type ConnectionsCommand =
  | {
      readonly type: 'connect';
      readonly ref: number;
      readonly target: Target;
      readonly timeoutMs: number;
      readonly responder: Responder<ConnectedPeer>;
    }
  | { readonly type: 'connect/cancel'; readonly ref: number }
  | {
      readonly type: 'disconnect';
      readonly ref: number;
      readonly target: Target;
      /** Gets the number of connections that were closed. */
      readonly responder: Responder<number>;
    };

/** A user wants to be connected to a peer: one that was let go of before is dialled again as others are. */
export type PeerWanted = { readonly type: 'peer/wanted'; readonly peer: string };

export type ConnectionsInput =
  | ConnectionsCommand
  | ClientClosed
  | PeerReached
  | Extract<PeerPart, { type: 'peer/parting' }>
  | Extract<ConnectionEvent, { type: 'connection/closed' }>
  | { readonly type: 'tick' };

export type ConnectionsOutput =
  | Overload
  | Settle
  | Fail
  | PeerReach
  | PeerWanted
  | Extract<PeerPart, { type: 'peer/part' }>;
