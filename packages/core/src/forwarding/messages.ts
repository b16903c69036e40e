import type { PeerdError } from '@peerd/protocol';
import type { Overload } from '../channel/quota.ts';
import type { PeerSignal, PeersOutput } from '../peers/messages.ts';
import type { LinkPacket, PacketArrived } from '../request/messages.ts';

/**
 * The longest body of a packet: a chunk of 32 KiB, as calls are cut into, with what encrypts it. Two ends must not depend on
 * more.
 */
export const MAX_PACKET_BODY_BYTES: number = 33 * 1024;

/** What is in a packet, and so who takes it at its end. */
export type PacketKind =
  /** Of a session. */
  | 'data'
  | 'control'
  /** The handshake of a session. */
  | 'init'
  | 'response'
  /** Ask a peer that is not known for its key. */
  | 'seek'
  | 'offer'
  /** A one-way message. */
  | 'sealed'
  /** Of a trace. */
  | 'probe'
  | 'probe-reply';

/** Sends a packet of our own. It may get lost: the ends repair that. */
export type PacketSend = {
  readonly type: 'packet/send';
  readonly to: string;
  readonly kind: PacketKind;
  /** Parts that are sent one after the other, 33 KiB in all. */
  readonly body: readonly Uint8Array[];
  /** 0: by the best way; higher: by another than those of the attempts before, as far as there is one. */
  readonly attempt: number;
  /** Peers to pass, in order, instead: a way that is known to work. */
  readonly via?: readonly string[] | undefined;
  /** Has each forwarder write down that it has passed there. */
  readonly record: boolean;
  /** Links that it may take. Default: 16. */
  readonly hops?: number;
};

/** A packet for this node. */
export type PacketReceived = {
  readonly type: 'packet/received';
  /** Its source, as it claims: whoever takes it has to see whether that is so. */
  readonly from: string;
  readonly kind: PacketKind;
  readonly body: Uint8Array;
  /** The forwarders that it has passed, in order, if they were to be recorded. */
  readonly path: readonly string[] | undefined;
  /** Who handed it over. */
  readonly neighbour: string;
};

/** There is no way from here for a packet of our own. */
export type PacketUnsent = {
  readonly type: 'packet/unsent';
  readonly to: string;
  readonly kind: PacketKind;
  readonly error: PeerdError;
};

/** A probe that has taken all the links that it may take has come here on its way. */
export type ProbeExpired = {
  readonly type: 'probe/expired';
  /** Its ends, as it claims. */
  readonly from: string;
  readonly to: string;
  readonly body: Uint8Array;
  readonly neighbour: string;
};

export type ForwardingInput =
  | PacketSend
  | PacketArrived
  | Extract<PeerSignal, { type: 'peer/admitted' }>
  | Extract<PeersOutput, { type: 'peer/came' | 'peer/went' }>
  | { readonly type: 'tick' };

export type ForwardingOutput = Overload | LinkPacket | PacketReceived | PacketUnsent | ProbeExpired;
