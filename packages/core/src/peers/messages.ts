import type { NodeStatus, PeerdError, PeerInfo } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { Responder } from '../channel/responder.ts';
import type { Reconfigure, RouteFound, RouteLost } from '../server/inputs.ts';
import type { Fail, Settle } from '../server/outputs.ts';
import type { Target } from './target.ts';

export type PeersCommand =
  | { readonly type: 'peers'; readonly responder: Responder<PeerInfo[]> }
  | { readonly type: 'status'; readonly responder: Responder<NodeStatus> };

export type ConnectionEvent =
  | {
      readonly type: 'connection/opened';
      readonly connection: string;
      readonly peer: string;
      readonly address: string;
      readonly direction: 'inbound' | 'outbound';
      /** 32 random bytes for its handshake: made where randomness may be had, so that a replay has the same. */
      readonly nonce: Uint8Array;
    }
  | { readonly type: 'connection/closed'; readonly connection: string; readonly peer: string };

export type DialEvent =
  /** `peer` is who answered. */
  | { readonly type: 'dial/done'; readonly key: string; readonly peer: string }
  | {
      readonly type: 'dial/failed';
      readonly key: string;
      readonly peer: string | undefined;
      readonly message: string;
      /** Who answers there has our own identity. */
      readonly isOurself?: true;
    };

export type PeersEvent =
  | ConnectionEvent
  | DialEvent
  | { readonly type: 'node/listening'; readonly addresses: readonly string[] }
  | {
      readonly type: 'peer/identified';
      readonly peer: string;
      readonly connection: string;
      readonly addresses: readonly string[];
      readonly protocols: readonly string[];
    }
  /** Peers kept from an earlier run, with the name they had then. */
  | {
      readonly type: 'peer/remembered';
      readonly peers: readonly {
        readonly peer: string;
        readonly name: string | undefined;
        readonly addresses: readonly string[];
      }[];
    }
  | { readonly type: 'dht/added'; readonly peer: string }
  | { readonly type: 'dht/removed'; readonly peer: string };

/** Asks for a connection to a peer that may be used; answered by `peer/reached` or `peer/unreached`. */
export type PeerReach =
  | {
      readonly type: 'peer/reach';
      readonly ref: number;
      readonly target: Target;
      /** Where there is no connection a way over other peers will do: then the answer may be `peer/routed`. */
      readonly overRoutes?: true;
    }
  /** Nobody waits for it any more. */
  | { readonly type: 'peer/leave'; readonly ref: number };

/** Asks who is meant, and connects to nobody; answered by `peer/resolved` or `peer/unreached`. */
export type PeerResolve = { readonly type: 'peer/resolve'; readonly ref: number; readonly target: Target };

export type PeerResolved = {
  readonly type: 'peer/resolved';
  readonly ref: number;
  readonly peer: string;
  readonly name: string | undefined;
};

/** Asks for all connections to a peer to be closed; answered by `peer/parting` or `peer/unreached`. */
export type PeerPart =
  | { readonly type: 'peer/part'; readonly ref: number; readonly target: Target }
  /** These connections are being closed; the peer is not dialled again unless somebody asks for it. */
  | {
      readonly type: 'peer/parting';
      readonly ref: number;
      readonly peer: string;
      readonly connections: readonly string[];
    };

/** `peerd`: it said hello; `other`: an implementation that speaks none of our protocols. */
export type PeerKind = 'peerd' | 'other';

export type PeerReached =
  | {
      readonly type: 'peer/reached';
      readonly ref: number;
      readonly peer: string;
      readonly connection: string;
      readonly kind: PeerKind;
      readonly name?: string | undefined;
      /** Where it can be dialled, if that is known. */
      readonly address?: string | undefined;
    }
  | {
      readonly type: 'peer/unreached';
      readonly ref: number;
      readonly error: PeerdError;
      /** The target is this node itself, or who answers there has its identity. */
      readonly isOurself?: true;
    };

/** There is no connection to it; others may lead to it. */
export type PeerRouted = {
  readonly type: 'peer/routed';
  readonly ref: number;
  readonly peer: string;
  /** What came of trying to connect to it, if that was tried. */
  readonly error: PeerdError | undefined;
};

/** What every feature may want to know of a peer. */
export type PeerSignal =
  | {
      readonly type: 'peer/admitted';
      readonly connection: string;
      readonly peer: string;
      readonly kind: PeerKind;
      readonly name: string | undefined;
      /** What it says that it does in the network: `forwarder` if it passes on what is for others. */
      readonly roles: readonly string[];
    }
  | {
      readonly type: 'peer/refused';
      readonly connection: string;
      readonly peer: string;
      readonly error: PeerdError;
    }
  /** Its last connection is gone. */
  | { readonly type: 'peer/disconnected'; readonly peer: string; readonly name?: string | undefined }
  /** It could not be dialled. */
  | { readonly type: 'peer/dial-failed'; readonly peer: string }
  /** Its name, or what a name stands for, is not what it was. */
  | { readonly type: 'peer/names-changed' };

export type PeersInput =
  | Exclude<PeersCommand, { type: 'status' }>
  | PeersEvent
  | PeerReach
  | PeerResolve
  | Extract<PeerPart, { type: 'peer/part' }>
  | Reconfigure
  | RouteFound
  | RouteLost
  | Extract<PeerSignal, { type: 'peer/admitted' | 'peer/refused' }>
  | { readonly type: 'tick' };

export type PeersOutput =
  | Overload
  | Settle
  | Fail
  | PeerReached
  | PeerRouted
  | PeerResolved
  | PeerSignal
  | Extract<PeerPart, { type: 'peer/parting' }>
  /** The first connection to it that may be used is there. */
  | {
      readonly type: 'peer/came';
      readonly peer: string;
      readonly kind: PeerKind;
      readonly name: string | undefined;
      /** What it says that it does in the network: `forwarder` if it passes on what is for others. */
      readonly roles: readonly string[];
    }
  /** The last of those is gone. */
  | { readonly type: 'peer/went'; readonly peer: string; readonly name: string | undefined }
  /** Closes it at once, because a user wants it closed: nothing is wrong with who is at its end. */
  | { readonly type: 'connection/hang-up'; readonly connection: string }
  /** Dials a peer at its known addresses, or at `address`; `key` comes back in the outcome. */
  | {
      readonly type: 'peer/dial';
      readonly key: string;
      readonly peer: string | undefined;
      readonly address: string | undefined;
    }
  | { readonly type: 'peer/remember'; readonly peer: string; readonly name: string | undefined };
