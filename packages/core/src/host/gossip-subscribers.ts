import type { GossipSub, SubscriptionChangeData } from '@libp2p/gossipsub';
import type { Connection, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { endBackoff } from './gossip-backoff.ts';
import type { Host } from './node.ts';

/** How soon a stream that ended by itself is opened again: a peer that resets each must not keep us busy. */
const RESTORE_MS = 200;

type Watched = Pick<Host, 'registrar'> & { node: Pick<Host['node'], 'getConnections' | 'addEventListener'> };

/**
 * Reports who hears which topic, as long as we can tell them. A peer's subscription may come in before the
 * stream that our messages go out on is there, and GossipSub publishes to nobody whom it has no stream to. It
 * tells nobody of that stream either, so the map that it keeps them in is watched.
 *
 * When that stream ends, with its connection while there is another (two peers dialled each other at once) or
 * because of a message over the limit, GossipSub goes on without. It is then told of the peer once more.
 */
export function watchSubscribers(
  gossip: GossipSub,
  { node, registrar }: Watched,
  signal: AbortSignal,
  report: (peer: string, topic: string, isSubscribed: boolean) => void,
): void {
  const {
    streamsOutbound: streams,
    streamsInbound,
    protocols,
  } = gossip as unknown as {
    streamsOutbound: Map<string, unknown>;
    streamsInbound: Map<string, { rawStream: Stream }>;
    protocols: string[];
  };
  const topicsOf = new Map<string, Set<string>>();
  /** Peers whose stream has gone. */
  const lost = new Set<string>();

  gossip.addEventListener(
    'subscription-change',
    ({ detail }: CustomEvent<SubscriptionChangeData>) => {
      const peer = detail.peerId.toString();
      for (const { topic, subscribe } of detail.subscriptions) {
        const topics = topicsOf.get(peer) ?? new Set();
        if (subscribe) {
          endBackoff(gossip, topic, peer);
          topicsOf.set(peer, topics.add(topic));
        } else topics.delete(topic);
        if (streams.has(peer)) report(peer, topic, subscribe);
      }
    },
    { signal },
  );

  const restore = (peer: string) => {
    if (signal.aborted || !lost.has(peer)) return;
    const id = peerIdFromString(peer);
    const connection = node.getConnections(id).find(({ status }) => status === 'open');
    if (connection === undefined) lost.delete(peer);
    else
      for (const topology of registrar.getTopologies(protocols[0] as string))
        topology.onConnect?.(id, connection);
  };

  const { set, delete: remove } = streams;
  streams.set = (peer, stream) => {
    set.call(streams, peer, stream);
    lost.delete(peer);
    for (const topic of topicsOf.get(peer) ?? []) report(peer, topic, true);
    return streams;
  };
  streams.delete = (peer) => {
    if (!remove.call(streams, peer)) return false;
    for (const topic of topicsOf.get(peer) ?? []) report(peer, topic, false);
    lost.add(peer);
    setTimeout(restore, RESTORE_MS, peer).unref();
    return true;
  };
  const { delete: removeInbound } = streamsInbound;
  streamsInbound.delete = (peer) => {
    // GossipSub stops reading it and leaves the other side to write to nobody.
    streamsInbound.get(peer)?.rawStream.abort(new Error('no more is read'));
    return removeInbound.call(streamsInbound, peer);
  };
  node.addEventListener(
    'connection:close',
    // Once GossipSub, too, is through with it.
    ({ detail }: CustomEvent<Connection>) => setImmediate(restore, detail.remotePeer.toString()),
    { signal },
  );
  node.addEventListener('peer:disconnect', ({ detail }) => topicsOf.delete(detail.toString()), { signal });
}
