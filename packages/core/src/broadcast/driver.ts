import type { QueueInfo } from '@peerd/protocol';
import { endBackoff } from '../host/gossip-backoff.ts';
import { GossipOverflow } from '../host/gossip-overflow.ts';
import type { Host } from '../host/node.ts';
import type { Drivers, Event } from '../server/messages.ts';
import { outboundBytes } from './quotas.ts';

/** Carries topics over GossipSub. */
export class GossipDriver {
  readonly effects: Pick<Drivers, 'gossip/join' | 'gossip/leave' | 'gossip/publish'>;

  readonly #overflow: GossipOverflow;

  /** `maxPayloadBytes` of one broadcast. */
  constructor(host: Host, post: (event: Event) => void, maxPayloadBytes: number) {
    const { gossip } = host.node.services;
    this.#overflow = new GossipOverflow(gossip, outboundBytes(maxPayloadBytes), (peer) =>
      post({ type: 'gossip/overflow', peer }),
    );
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

  /** How full what waits for neighbours is. */
  get load(): QueueInfo {
    return this.#overflow.load;
  }
}
