import type { Libp2p } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';

/** Where a peer's name is kept in libp2p's peer store. That it is there says that the peer was connected. */
const NAME_KEY = 'peerd/name';

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

export async function rememberPeer(node: Libp2p, peer: string, name: string | undefined): Promise<void> {
  await node.peerStore.merge(peerIdFromString(peer), {
    metadata: { [NAME_KEY]: utf8.encode.encode(name ?? '') },
  });
}

export interface Remembered {
  readonly peer: string;
  readonly name: string | undefined;
  readonly addresses: readonly string[];
}

/** Peers that were connected in an earlier run. */
export async function rememberedPeers(node: Libp2p): Promise<Remembered[]> {
  const remembered: Remembered[] = [];
  for (const { id, addresses, metadata } of await node.peerStore.all()) {
    const name = metadata.get(NAME_KEY);
    if (name === undefined || id.equals(node.peerId) || addresses.length === 0) continue;
    remembered.push({
      peer: id.toString(),
      name: name.length === 0 ? undefined : utf8.decode.decode(name),
      addresses: addresses.map((address) => `${address.multiaddr}`),
    });
  }
  return remembered;
}
