import type { Libp2p } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';

/** Where a peer's name is kept in libp2p's peer store. That it is there says that the peer was connected. */
const NAME_KEY = 'peerd/name';
/** Beside it, when the peer was last connected: ms since 1970, as decimal text. */
const SEEN_KEY = 'peerd/seen';

const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };

/** Connects, at `address` or at whatever address is known or found, and resolves to the id of who is there. */
export async function dialTarget(
  node: Libp2p,
  peer: string | undefined,
  address: string | undefined,
): Promise<string> {
  // No signal: libp2p leaves it attached to the socket, where it would kill the live connection later.
  if (address !== undefined) return (await node.dial(multiaddr(address))).remotePeer.toString();
  return (await node.dial(peerIdFromString(peer as string))).remotePeer.toString();
}

/** Keeps a peer that is connected now, `seenMs` after 1970, for the next run. */
export async function rememberPeer(
  node: Libp2p,
  peer: string,
  name: string | undefined,
  seenMs: number,
): Promise<void> {
  await node.peerStore.merge(peerIdFromString(peer), {
    metadata: { [NAME_KEY]: utf8.encode.encode(name ?? ''), [SEEN_KEY]: utf8.encode.encode(`${seenMs}`) },
  });
}

export interface Remembered {
  readonly peer: string;
  readonly name: string | undefined;
  readonly addresses: readonly string[];
}

/** Peers that were connected in an earlier run, the one seen last first: the first ones are dialled. */
export async function rememberedPeers(node: Libp2p): Promise<Remembered[]> {
  const remembered: (Remembered & { readonly seenMs: number })[] = [];
  for (const { id, addresses, metadata } of await node.peerStore.all()) {
    const name = metadata.get(NAME_KEY);
    if (name === undefined || id.equals(node.peerId) || addresses.length === 0) continue;
    remembered.push({
      peer: id.toString(),
      name: name.length === 0 ? undefined : utf8.decode.decode(name),
      addresses: addresses.map((address) => `${address.multiaddr}`),
      seenMs: timeOf(metadata.get(SEEN_KEY)),
    });
  }
  return remembered.sort((a, b) => b.seenMs - a.seenMs).map(({ seenMs: _, ...peer }) => peer);
}

/** 0 when there is none: a run of an earlier version kept the peer. */
function timeOf(seen: Uint8Array | undefined): number {
  const ms = seen === undefined ? 0 : Number(utf8.decode.decode(seen));
  return Number.isFinite(ms) ? ms : 0;
}
