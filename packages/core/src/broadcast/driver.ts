import { endBackoff } from '../host/gossip-backoff.ts';
import type { Host } from '../host/node.ts';
import type { Drivers, Event } from '../server/messages.ts';

/** Carries topics over GossipSub. */
export class GossipDriver {
  readonly effects: Pick<Drivers, 'gossip/join' | 'gossip/leave' | 'gossip/publish'>;

  constructor(host: Host, post: (event: Event) => void) {
    const { gossip } = host.node.services;
    this.effects = {
      'gossip/join': ({ topic, peers }) => {
        for (const peer of peers) endBackoff(gossip, topic, peer);
        gossip.subscribe(topic);
      },
      'gossip/leave': ({ topic }) => gossip.unsubscribe(topic),
      'gossip/publish': ({ publish, topic, payload }) => {
        gossip.publish(topic, payload).then(
          ({ recipients }) => post({ type: 'gossip/published', publish, peers: recipients.length }),
          (error: Error) => post({ type: 'gossip/publish-failed', publish, message: error.message }),
        );
      },
    };
  }
}
