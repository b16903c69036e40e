import { Quota } from '../channel/quota.ts';

/** Topics this node may be subscribed to; each costs every neighbour memory. */
export const MAX_TOPICS = 1_000;

/** Subscriptions on one node, 16 for each client that a daemon takes; each has a queue of its own. */
export const MAX_SUBSCRIPTIONS = 16_384;

/** Broadcasts that may wait for a first subscriber at a time. */
export const MAX_WAITING = 1_024;

/** Broadcasts that GossipSub may be signing and sending at a time, at 0.2 ms each. */
export const MAX_PUBLISHING = 4_096;

/** Payload bytes of both together: four of the largest. One that is alone is taken whatever its size. */
export const MAX_HELD_BYTES: number = 64 * 1024 * 1024;

/** What may wait for one neighbour to take it: four of the largest broadcasts. */
export function outboundBytes(maxPayloadBytes: number): number {
  return 4 * maxPayloadBytes;
}

/** What `top` calls that. */
export const OVERFLOW_QUEUE = 'bytes of broadcasts that the slowest neighbour has to take';

type Quotas = Readonly<Record<'topics' | 'subscriptions' | 'waiting' | 'publishing' | 'heldBytes', Quota>>;

/** What bounds topics and broadcasts; `sizes` tell how full each is. */
export function quotasOf(sizes: Readonly<Record<keyof Quotas, () => number>>): Quotas {
  const items = (name: string, limit: number, size: () => number) =>
    new Quota(name, 'items', () => limit, size);
  return {
    topics: items('topics', MAX_TOPICS, sizes.topics),
    subscriptions: items('subscriptions', MAX_SUBSCRIPTIONS, sizes.subscriptions),
    waiting: items('broadcasts waiting for a subscriber', MAX_WAITING, sizes.waiting),
    publishing: items('broadcasts being sent', MAX_PUBLISHING, sizes.publishing),
    heldBytes: new Quota('bytes of broadcasts', 'bytes', () => MAX_HELD_BYTES, sizes.heldBytes),
  };
}
