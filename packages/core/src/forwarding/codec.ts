import { HOP_LIMIT } from '../hop-limit.ts';
import { KEY_BYTES, type PeerKeys, textAt } from '../peer-keys.ts';
import type { PacketKind } from './messages.ts';

/** Where the fields stand: docs/protocols/forwarding.md. */
const HOPS_AT = 0;
const FLAGS_AT = 1;
const KIND_AT = 2;
const SOURCE_AT = 3;
const DESTINATION_AT: number = SOURCE_AT + KEY_BYTES;
const VIA_COUNT_AT: number = DESTINATION_AT + KEY_BYTES;
const VIA_AT: number = VIA_COUNT_AT + 1;

/** The forwarders are recorded. */
const RECORD = 1;

/** Between the ends of the longest way there is: one less than its 16 links. */
const MAX_FORWARDERS = 15;

/** By their numbers. */
const kinds: readonly PacketKind[] = [
  'data',
  'control',
  'init',
  'response',
  'seek',
  'offer',
  'sealed',
  'probe',
  'probe-reply',
];

const kindNumbers = new Map(kinds.map((kind, number) => [kind, number]));

export interface HeadFields {
  /** Links that it may take after the one that it is sent on. */
  readonly hops: number;
  readonly kind: PacketKind;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Peers to pass before the destination, in order. */
  readonly via: readonly Uint8Array[];
  readonly record: boolean;
}

/** The head of a packet of our own. */
export function encodeHead({ hops, kind, source, destination, via, record }: HeadFields): Uint8Array {
  const head = Buffer.allocUnsafe(VIA_AT + via.length * KEY_BYTES + (record ? 1 : 0));
  head[HOPS_AT] = hops;
  head[FLAGS_AT] = record ? RECORD : 0;
  head[KIND_AT] = kindNumbers.get(kind) as number;
  head.set(source, SOURCE_AT);
  head.set(destination, DESTINATION_AT);
  const end = putKeys(head, VIA_COUNT_AT, via);
  if (record) head[end] = 0;
  return head;
}

/** What a neighbour has handed over as the head of a packet. Read nothing of it unless it is well formed. */
export class Head {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get isWellFormed(): boolean {
    const { bytes } = this;
    if (bytes.length < VIA_AT || this.hops >= HOP_LIMIT || ((bytes[FLAGS_AT] as number) & ~RECORD) !== 0)
      return false;
    if (this.viaCount > MAX_FORWARDERS) return false;
    const viaEnd = this.#viaEnd;
    if (!this.isRecorded) return bytes.length === viaEnd;
    const passed = bytes[viaEnd] ?? Number.POSITIVE_INFINITY;
    return passed <= MAX_FORWARDERS && bytes.length === viaEnd + 1 + passed * KEY_BYTES;
  }

  /** Links that it may still take. */
  get hops(): number {
    return this.bytes[HOPS_AT] as number;
  }

  /** `undefined`: one that this version does not know. */
  get kind(): PacketKind | undefined {
    return kinds[this.bytes[KIND_AT] as number];
  }

  get isRecorded(): boolean {
    return this.bytes[FLAGS_AT] === RECORD;
  }

  get viaCount(): number {
    return this.bytes[VIA_COUNT_AT] as number;
  }

  get #viaEnd(): number {
    return VIA_AT + this.viaCount * KEY_BYTES;
  }

  /** Source and destination as text. */
  get pair(): string {
    return textAt(this.bytes, SOURCE_AT, 2 * KEY_BYTES);
  }

  source(keys: PeerKeys): string {
    return keys.peerAt(this.bytes, SOURCE_AT);
  }

  destination(keys: PeerKeys): string {
    return keys.peerAt(this.bytes, DESTINATION_AT);
  }

  isFor(key: Uint8Array): boolean {
    return this.#isAt(DESTINATION_AT, key);
  }

  /** How many of the peers to pass are this one, from the first on. */
  reached(key: Uint8Array): number {
    let count = 0;
    while (count < this.viaCount && this.#isAt(VIA_AT + count * KEY_BYTES, key)) count += 1;
    return count;
  }

  waypoint(index: number, keys: PeerKeys): string {
    return keys.peerAt(this.bytes, VIA_AT + index * KEY_BYTES);
  }

  /** The forwarders that it has passed, if they are recorded. */
  path(keys: PeerKeys): string[] | undefined {
    if (!this.isRecorded) return undefined;
    const path: string[] = [];
    for (let at = this.#viaEnd + 1; at < this.bytes.length; at += KEY_BYTES)
      path.push(keys.peerAt(this.bytes, at));
    return path;
  }

  /** For a forwarder to record itself: a packet that was recorded at all places has no way left. */
  get hasRoom(): boolean {
    return !this.isRecorded || (this.bytes[this.#viaEnd] as number) < MAX_FORWARDERS;
  }

  /** The head for the next link, from this forwarder: without the first `reached` peers to pass, or with those of `via`. */
  next(forwarder: Uint8Array, reached: number, via: readonly Uint8Array[]): Uint8Array {
    const { bytes } = this;
    const left = this.viaCount - reached;
    const recorded = bytes.length - this.#viaEnd;
    const growth = (left === 0 ? via.length : left) * KEY_BYTES + (recorded === 0 ? 0 : recorded + KEY_BYTES);
    const head = Buffer.allocUnsafe(VIA_AT + growth);
    head.set(bytes.length > VIA_AT ? bytes.subarray(0, VIA_AT) : bytes);
    head[HOPS_AT] = this.hops - 1;
    let end = VIA_AT;
    if (left === 0) end = putKeys(head, VIA_COUNT_AT, via);
    else {
      head[VIA_COUNT_AT] = left;
      head.set(bytes.subarray(VIA_AT + reached * KEY_BYTES, this.#viaEnd), VIA_AT);
      end += left * KEY_BYTES;
    }
    if (recorded > 0) {
      head.set(bytes.subarray(this.#viaEnd), end);
      head[end] = (head[end] as number) + 1;
      head.set(forwarder, end + recorded);
    }
    return head;
  }

  #isAt(at: number, key: Uint8Array): boolean {
    for (let i = 0; i < KEY_BYTES; i += 1) if (this.bytes[at + i] !== key[i]) return false;
    return true;
  }
}

/** Their count, and the keys. Returns where they end. */
function putKeys(head: Uint8Array, at: number, keys: readonly Uint8Array[]): number {
  head[at] = keys.length;
  let end = at + 1;
  for (const key of keys) {
    head.set(key, end);
    end += KEY_BYTES;
  }
  return end;
}
