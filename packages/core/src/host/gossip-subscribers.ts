import type { GossipSub, SubscriptionChangeData } from '@libp2p/gossipsub';
import { endBackoff } from './gossip-backoff.ts';

export type ReportSubscriber = (peer: string, topic: string, isSubscribed: boolean) => void;

/**
 * Reports who hears which topic, as soon as we can tell them: a peer's subscription may come in before the
 * stream that our messages go out on is there, and GossipSub publishes to nobody whom it has no stream to. It
 * tells nobody of that stream either, so the map that it keeps them in is watched. Returns what forgets a peer.
 */
export function watchSubscribers(
  gossip: GossipSub,
  signal: AbortSignal,
  report: ReportSubscriber,
): (peer: string) => void {
  const streams = (gossip as unknown as { streamsOutbound: Map<string, unknown> }).streamsOutbound;
  const early = new Map<string, Set<string>>();
  gossip.addEventListener(
    'subscription-change',
    ({ detail }: CustomEvent<SubscriptionChangeData>) => {
      const peer = detail.peerId.toString();
      for (const { topic, subscribe } of detail.subscriptions) {
        if (subscribe) endBackoff(gossip, topic, peer);
        if (!subscribe) early.get(peer)?.delete(topic);
        else if (!streams.has(peer)) {
          early.set(peer, (early.get(peer) ?? new Set()).add(topic));
          continue;
        }
        report(peer, topic, subscribe);
      }
    },
    { signal },
  );
  const set = streams.set.bind(streams);
  streams.set = (peer, stream) => {
    set(peer, stream);
    const topics = early.get(peer) ?? [];
    early.delete(peer);
    for (const topic of topics) report(peer, topic, true);
    return streams;
  };
  return (peer) => early.delete(peer);
}
