import type { GossipsubOpts } from '@libp2p/gossipsub';
import { outboundBytes } from '../broadcast/quotas.ts';
import type { Settings } from '../settings.ts';

/** Room in a message for its envelope: author, sequence number, topic, signature. */
const ENVELOPE_BYTES = 4 * 1024;

/** Memory that the subscriptions of one neighbour may take; each topic counts for about 1 KiB. */
const MAX_TOPIC_BYTES_PER_PEER = 1024 * 1024;

/** GossipSub: every message signed and checked, no floodsub, every buffer bounded. */
export function gossipOptions(settings: Settings): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: 'StrictSign',
    fallbackToFloodsub: false,
    emitSelf: false,
    // Nobody listening is not an error here: the broadcast feature waits, or reports it.
    allowPublishToZeroTopicPeers: true,
    // A publisher sends to every neighbour that subscribed, so the first message reaches those not in the mesh yet.
    floodPublish: true,
    maxInboundDataLength: settings.limits.maxPayloadBytes + ENVELOPE_BYTES,
    maxOutboundBufferSize: outboundBytes(settings.limits.maxPayloadBytes),
    maxTopicBytesPerPeer: MAX_TOPIC_BYTES_PER_PEER,
    // Peers that share an address are normal on one machine and in one office, and a sign of a Sybil elsewhere.
    ...(settings.profile === 'internet' ? {} : { scoreParams: { IPColocationFactorWeight: 0 } }),
  };
}
