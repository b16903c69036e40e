/** What is in a packet, as its header says: who takes it can tell whether that is true. */
export type PacketKind =
  /** Of a session. */
  | 'data'
  | 'control'
  /** Its handshake. */
  | 'init'
  | 'response'
  /** Asks a peer that is not known for its advert, and answers with it. */
  | 'seek'
  | 'offer'
  /** A one-way message. */
  | 'sealed'
  /** Traces a way. */
  | 'probe'
  | 'probe-reply';

/** Sends a packet to a peer that may be several hops away. It may get lost, arrive twice, and overtake others. */
export interface PacketSend {
  readonly type: 'packet/send';
  readonly to: string;
  readonly kind: PacketKind;
  readonly body: readonly Uint8Array[];
  /** 0: by the best way; higher: by another one than those of the attempts before. */
  readonly attempt: number;
  /** Whether the forwarders that it passes are recorded. */
  readonly record: boolean;
  /** Links that it may take. Default: `HOP_LIMIT`. */
  readonly hops?: number;
}

/** A packet that is for this node. */
export interface PacketReceived {
  readonly type: 'packet/received';
  /** What the packet says: not true until whoever takes it has found it to be. */
  readonly from: string;
  /** Who handed it over: that is known. */
  readonly neighbour: string;
  readonly kind: PacketKind;
  readonly body: Uint8Array;
  /** The forwarders that it passed, by their own word, without the two ends. `undefined`: they were not recorded. */
  readonly path: readonly string[] | undefined;
}
