import type { Libp2p, PeerId, PeerInfo } from '@libp2p/interface';
import type { KadDHT } from '@libp2p/kad-dht';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import type { Services } from './node.ts';

/** A bootstrap that takes longer is given up: the next one comes. */
const BOOTSTRAP_TIMEOUT_MS = 30_000;

/** What the class offers beside the interface that the package exports. */
interface Table {
  onPeerConnect(peer: PeerInfo): Promise<void>;
  routingTable: { remove(peer: PeerId): Promise<void> };
}

function tableOf(node: Libp2p<Services>): (KadDHT & Table) | undefined {
  return node.services.dht as (KadDHT & Table) | undefined;
}

export async function addToTable(
  node: Libp2p<Services>,
  peer: string,
  addresses: readonly string[],
): Promise<void> {
  const multiaddrs = addresses.map((address) => multiaddr(address));
  await tableOf(node)?.onPeerConnect({ id: peerIdFromString(peer), multiaddrs });
}

export async function removeFromTable(node: Libp2p<Services>, peer: string): Promise<void> {
  await tableOf(node)?.routingTable.remove(peerIdFromString(peer));
}

/** Kademlia's bootstrap: looks itself up, which fills the near buckets, then refreshes the far ones. */
export async function bootstrapTable(node: Libp2p<Services>): Promise<void> {
  const dht = tableOf(node);
  if (dht === undefined) return;
  const signal = AbortSignal.timeout(BOOTSTRAP_TIMEOUT_MS);
  for await (const _ of dht.getClosestPeers(node.peerId.toMultihash().bytes, { signal }));
  await dht.refreshRoutingTable({ signal });
}
