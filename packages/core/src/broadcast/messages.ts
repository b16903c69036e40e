import type { BroadcastResult, TopicInfo } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { PeerSignal } from '../peers/messages.ts';
import type {
  InternalAnswer,
  InternalInbound,
  InternalRequest,
  InternalSettled,
} from '../request/messages.ts';
import type { ClientClosed } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';

export type BroadcastCommand =
  | { readonly type: 'topics'; readonly responder: Responder<TopicInfo[]> }
  | {
      readonly type: 'broadcast';
      /** Names it from now on. */
      readonly ref: number;
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly timeoutMs: number;
      readonly allowNone: boolean;
      readonly responder: Responder<BroadcastResult>;
    }
  | {
      readonly type: 'subscribe';
      /** Names the subscription from now on. */
      readonly ref: number;
      readonly topics: readonly string[];
      readonly responder: Responder<void>;
    }
  | { readonly type: 'unsubscribe'; readonly ref: number; readonly responder: Responder<void> };

/** Nobody waits for a broadcast any more. It follows the broadcast in its lane. */
export interface BroadcastCancel {
  readonly type: 'broadcast/cancel';
  readonly ref: number;
}

export type GossipEvent =
  | {
      readonly type: 'gossip/message';
      readonly topic: string;
      readonly from: string;
      readonly payload: Uint8Array;
    }
  /** A peer we are connected to has joined or left a topic. */
  | {
      readonly type: 'gossip/peer';
      readonly topic: string;
      readonly peer: string;
      readonly isSubscribed: boolean;
    }
  /** It took broadcasts slower than they came: what waited for it is lost to it. */
  | { readonly type: 'gossip/overflow'; readonly peer: string }
  | { readonly type: 'gossip/published'; readonly publish: number; readonly peers: number }
  | { readonly type: 'gossip/publish-failed'; readonly publish: number; readonly message: string };

export type BroadcastInput =
  | BroadcastCommand
  | BroadcastCancel
  | ClientClosed
  | GossipEvent
  | InternalInbound
  | InternalSettled
  | Extract<PeerSignal, { type: 'peer/admitted' | 'peer/disconnected' }>
  | { readonly type: 'tick' };

export type BroadcastOutput =
  | Overload
  | Settle
  | Fail
  | InternalRequest
  | InternalAnswer
  /** `peers`: the neighbours that speak our protocols, who take us back at once. */
  | { readonly type: 'gossip/join'; readonly topic: string; readonly peers: readonly string[] }
  | { readonly type: 'gossip/leave'; readonly topic: string }
  | {
      readonly type: 'gossip/publish';
      readonly publish: number;
      readonly topic: string;
      readonly payload: Uint8Array;
    }
  /** Hands a message to subscriptions. */
  | {
      readonly type: 'broadcast/deliver';
      readonly subscriptions: readonly number[];
      readonly topic: string;
      readonly from: string;
      readonly payload: Uint8Array;
    };
