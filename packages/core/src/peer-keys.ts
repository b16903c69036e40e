import { base58btc } from 'multiformats/bases/base58';

/** Of the Ed25519 key that a peer id stands for. */
export const KEY_BYTES = 32;

/** In front of the key in a peer id: identity multihash of 36 bytes, protobuf of an Ed25519 key of 32 bytes. */
const ID_PREFIX: readonly number[] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/** Peers of which both forms are kept: some microseconds each to work out again. */
const KEPT_PEERS = 16_384;

/** The id of the peer with this key. */
export function peerOfKey(key: Uint8Array): string {
  const id = new Uint8Array(ID_PREFIX.length + KEY_BYTES);
  id.set(ID_PREFIX);
  id.set(key, ID_PREFIX.length);
  return base58btc.baseEncode(id);
}

/** All ids of Ed25519 keys lie between these: base58 of one length sorts as the bytes do. */
const LOWEST = peerOfKey(new Uint8Array(KEY_BYTES));
const HIGHEST = peerOfKey(new Uint8Array(KEY_BYTES).fill(0xff));
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]{52}$/;

/**
 * Whether that is the id of a peer as all write it: `12D3KooW…`, of an Ed25519 key. Other spellings of one (`k51…`) are none:
 * they would pass for another peer.
 */
export function isPeerId(text: string): boolean {
  return BASE58.test(text) && text >= LOWEST && text <= HIGHEST;
}

/** The key that an id stands for; `undefined`: it is none, as `isPeerId` has it. */
export function keyOfPeer(peer: string): Uint8Array | undefined {
  return isPeerId(peer) ? base58btc.baseDecode(peer).slice(ID_PREFIX.length) : undefined;
}

/** The two forms of peers that are met again and again. */
export class PeerKeys {
  readonly #keys = new Map<string, Uint8Array | undefined>();
  /** By the bytes of the key as text, one character each. */
  readonly #peers = new Map<string, string>();

  keyOf(peer: string): Uint8Array | undefined {
    const kept = this.#keys.get(peer);
    if (kept !== undefined || this.#keys.has(peer)) return kept;
    const key = keyOfPeer(peer);
    if (this.#keys.size >= KEPT_PEERS) this.#keys.clear();
    this.#keys.set(peer, key);
    return key;
  }

  /** The peer whose key begins there. */
  peerAt(bytes: Uint8Array, at: number): string {
    const text = textAt(bytes, at, KEY_BYTES);
    const kept = this.#peers.get(text);
    if (kept !== undefined) return kept;
    const peer = peerOfKey(bytes.subarray(at, at + KEY_BYTES));
    if (this.#peers.size >= KEPT_PEERS) this.#peers.clear();
    this.#peers.set(text, peer);
    return peer;
  }
}

/** Bytes as text, one character each: to look them up by. */
export function textAt(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, at, at + length);
}
