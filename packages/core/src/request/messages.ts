import type { ErrorCode, PeerdError, PeerRef } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder, Settler } from '../channel/responder.ts';
import type { ConnectionEvent, PeerReach, PeerReached, PeerRouted, PeerSignal } from '../peers/messages.ts';
import type { Target } from '../peers/target.ts';
import type { ClientClosed, Drain } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';
import type { Frame, PacketFrame, ResetCode } from './frames.ts';

/** Settled when a message of a stream of answers has been handed to the network. */
export type Accepted = Responder<void>;

export type RequestCommand = {
  readonly type: 'request';
  /** Unique among all references on this node. */
  readonly ref: number;
  readonly target: Target;
  readonly service: string;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  /** Tried again within its time when the connection breaks. */
  readonly idempotent?: boolean | undefined;
  /** One answer settles `answer`; a stream of them comes as `request/message` and its end settles `end`. */
  readonly answer?: Settler<Uint8Array> | undefined;
  readonly end?: Settler<void> | undefined;
  /**
   * The peers that the call passed, in order, the answering one last. Settled once, before the first answer; rejected,
   * before `answer` or `end` is, when there is none.
   */
  readonly path?: Settler<readonly PeerRef[]> | undefined;
};

/** A caller lets go of its call. */
export type RequestCancel = { readonly type: 'request/cancel'; readonly ref: number };

export type CallerEvent =
  /** The reader of a stream of answers has taken one message of this length. */
  { readonly type: 'request/consumed'; readonly ref: number; readonly bytes: number };

export type LinkEvent =
  | { readonly type: 'request/link-opened'; readonly link: number }
  | {
      readonly type: 'request/link-failed';
      readonly link: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | { readonly type: 'request/link-closed'; readonly link: number }
  /** What the other side sent can't be read any further. */
  | { readonly type: 'request/link-broken'; readonly link: number; readonly reason: string }
  /** The other side opened a stream; the driver numbers these from -1 down. */
  | {
      readonly type: 'request/link-inbound';
      readonly link: number;
      readonly peer: string;
      readonly connection: string;
    }
  | {
      readonly type: 'request/frames';
      readonly link: number;
      readonly frames: readonly Frame[];
      readonly bytes: number;
      /** Size of the largest buffer that the frames are views of, and so keep in memory. Default: their own size. */
      readonly pinnedBytes?: number;
    }
  | { readonly type: 'request/blocked'; readonly link: number }
  | { readonly type: 'request/drained'; readonly link: number };

/** What became of a call that was dispatched. */
export type HandlerEvent =
  | {
      readonly type: 'request/answer';
      readonly key: number;
      readonly payload: Uint8Array;
      /** False: more answers follow. */
      readonly end: boolean;
      readonly accepted?: Accepted;
    }
  | { readonly type: 'request/answer-end'; readonly key: number }
  | {
      readonly type: 'request/refuse';
      readonly key: number;
      readonly code: ResetCode;
      readonly reason: string;
    };

/** Calls over `/tinyp2p/req-resp/1.0.0`, one stream each. Inbound ones are numbered by the driver, -1 down. */
export type FallbackEvent =
  | { readonly type: 'fallback/answered'; readonly ref: number; readonly payload: Uint8Array }
  | {
      readonly type: 'fallback/failed';
      readonly ref: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | {
      readonly type: 'fallback/inbound';
      readonly key: number;
      readonly peer: string;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'fallback/closed'; readonly key: number };

/** A request of one of our own features. */
export type InternalRequest = {
  readonly type: 'request/internal';
  readonly ref: number;
  readonly peer: string;
  readonly service: string;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
};

/** A packet for a neighbour, on its way to wherever it goes. It is lost when there is no room, or no link to the neighbour. */
export type LinkPacket = {
  readonly type: 'link/packet';
  readonly peer: string;
  /** The neighbour that has handed it over; `undefined`: it is our own. */
  readonly from?: string;
  readonly head: Uint8Array;
  readonly body: readonly Uint8Array[];
};

/** A packet that a neighbour has handed over. */
export type PacketArrived = {
  readonly type: 'packet/arrived';
  readonly neighbour: string;
  readonly frame: PacketFrame;
};

/** What the owner of calls asks of sessions: they carry its bytes as a stream to a neighbour would. */
export type SessionUse =
  /** Wants a way to `peer` for the calls of `link`; answered by `session/opened` or `session/failed`. */
  | { readonly type: 'session/open'; readonly link: number; readonly peer: string }
  | {
      readonly type: 'session/write';
      readonly link: number;
      readonly parts: readonly Uint8Array[];
      /** The peers that it passes are to be told, by `session/path`. */
      readonly record: boolean;
    }
  /** Nothing more is read or written on it. */
  | {
      readonly type: 'session/close';
      readonly link: number;
      readonly reason: string;
      /** The other end broke the protocol. */
      readonly isFault?: true;
    };

/** And what it is told. Links that the other end opened are numbered from `FIRST_INBOUND_LINK` down. */
export type SessionSignal =
  | { readonly type: 'session/opened'; readonly link: number }
  | {
      readonly type: 'session/failed';
      readonly link: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  | {
      readonly type: 'session/inbound';
      readonly link: number;
      readonly peer: string;
      readonly name: string | undefined;
    }
  | { readonly type: 'session/bytes'; readonly link: number; readonly bytes: Uint8Array }
  /** The way that what was written last with `record` took. It comes before any answer to that. */
  | { readonly type: 'session/path'; readonly link: number; readonly path: readonly PeerRef[] }
  /** It holds as much as it may: to be written to again after `session/drained`. */
  | { readonly type: 'session/blocked'; readonly link: number }
  | { readonly type: 'session/drained'; readonly link: number }
  /** Nothing has gone over it for long: if no call waits, it is to be closed. */
  | { readonly type: 'session/idle'; readonly links: readonly number[] }
  | { readonly type: 'session/closed'; readonly link: number };

export type RequestInput =
  | RequestCommand
  | RequestCancel
  | ClientClosed
  | Drain
  | CallerEvent
  | LinkEvent
  | HandlerEvent
  | FallbackEvent
  | InternalRequest
  | LinkPacket
  | PeerReached
  | PeerRouted
  | PeerSignal
  | SessionSignal
  | Extract<ConnectionEvent, { type: 'connection/closed' }>
  | { readonly type: 'tick' };

export type RequestOutput =
  | Overload
  | Settle
  | Fail
  | PeerReach
  | { readonly type: 'request/open-link'; readonly link: number; readonly connection: string }
  | {
      readonly type: 'request/close-link';
      readonly link: number;
      readonly peer: string;
      readonly reason: string;
    }
  | { readonly type: 'request/write'; readonly link: number; readonly frames: readonly Frame[] }
  | {
      readonly type: 'request/dispatch';
      readonly key: number;
      readonly peer: string;
      readonly peerName: string | undefined;
      readonly service: string;
      readonly payload: Uint8Array;
    }
  /** Nobody waits for the handler's answer any more. */
  | { readonly type: 'request/abort'; readonly key: number; readonly reason: string }
  | { readonly type: 'request/message'; readonly ref: number; readonly payload: Uint8Array }
  | {
      readonly type: 'fallback/send';
      readonly ref: number;
      readonly connection: string;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'fallback/cancel'; readonly ref: number }
  | { readonly type: 'fallback/reply'; readonly key: number; readonly payload: Uint8Array | undefined }
  | PacketArrived
  | SessionUse
  | InternalSettled
  | InternalInbound;

export type InternalSettled = {
  readonly type: 'request/internal-settled';
  readonly ref: number;
  readonly outcome: Uint8Array | PeerdError;
};

/** What one of our own features answers. */
export type InternalAnswer =
  | {
      readonly type: 'request/answer';
      readonly key: number;
      readonly payload: Uint8Array;
      readonly end: true;
    }
  | {
      readonly type: 'request/refuse';
      readonly key: number;
      readonly code: 'timeout' | 'invalid' | 'refused';
      readonly reason: string;
    };

export type InternalInbound = {
  readonly type: 'request/internal-inbound';
  readonly key: number;
  readonly peer: string;
  readonly service: string;
  readonly payload: Uint8Array;
};
