import type { GossipSub } from '@libp2p/gossipsub';

/** What GossipSub sets when a topic is left. That of a mesh which is too large is a minute: it stays. */
const LEFT_BACKOFF_MS = 10_000;

/**
 * Lets a peer that left a topic back into the mesh, or us into that of the peer. GossipSub keeps the two out
 * of each other's mesh for 10 to 25 s, in which a message that comes through a third peer is up to a second
 * late. Both sides have to end it: whoever grafts earlier than the other expects is punished for it, so the
 * one that comes back does this only towards peers that do the same when they hear of it.
 */
export function endBackoff(gossip: GossipSub, topic: string, peer: string): void {
  const backoff = (gossip as unknown as { backoff: Map<string, Map<string, number>> }).backoff.get(topic);
  const endMs = backoff?.get(peer);
  if (endMs !== undefined && endMs <= Date.now() + LEFT_BACKOFF_MS) backoff?.delete(peer);
}
