import type { GossipSub } from '@libp2p/gossipsub';
import { beforeEach, describe, expect, test } from 'vitest';
import { watchSubscribers } from '../src/host/gossip-subscribers.ts';

/** As much of GossipSub as is watched. */
class FakeGossip extends EventTarget {
  readonly streamsOutbound = new Map<string, string>();
  readonly backoff = new Map<string, Map<string, number>>();

  says(peer: string, topic: string, subscribe: boolean): void {
    const detail = { peerId: { toString: () => peer }, subscriptions: [{ topic, subscribe }] };
    this.dispatchEvent(new CustomEvent('subscription-change', { detail }));
  }
}

describe('a neighbour', () => {
  let gossip: FakeGossip;
  let reported: string[];
  let forget: (peer: string) => void;

  beforeEach(() => {
    gossip = new FakeGossip();
    reported = [];
    const { signal } = new AbortController();
    forget = watchSubscribers(gossip as unknown as GossipSub, signal, (peer, topic, isSubscribed) => {
      reported.push(`${peer} ${isSubscribed ? 'hears' : 'left'} ${topic}`);
    });
  });

  test('counts as a subscriber at once when we can send to it', () => {
    gossip.streamsOutbound.set('bob', 'stream');
    gossip.says('bob', 'news', true);
    gossip.says('bob', 'news', false);
    expect(reported).toEqual(['bob hears news', 'bob left news']);
  });

  test('that subscribes before we can send to it counts once we can', () => {
    gossip.says('bob', 'news', true);
    gossip.says('bob', 'jobs', true);
    gossip.says('carol', 'news', true);
    expect(reported).toEqual([]);
    gossip.streamsOutbound.set('bob', 'stream');
    expect(reported).toEqual(['bob hears news', 'bob hears jobs']);
    expect(gossip.streamsOutbound.get('bob')).toBe('stream');
    gossip.streamsOutbound.set('bob', 'another');
    expect(reported).toHaveLength(2);
  });

  test('that leaves again before we can send to it never counts', () => {
    gossip.says('bob', 'news', true);
    gossip.says('bob', 'news', false);
    gossip.streamsOutbound.set('bob', 'stream');
    expect(reported).toEqual(['bob left news']);
  });

  test('that is forgotten before we can send to it never counts', () => {
    gossip.says('bob', 'news', true);
    forget('bob');
    gossip.streamsOutbound.set('bob', 'stream');
    expect(reported).toEqual([]);
  });

  test('that comes back to a topic may be in its mesh at once, unless the mesh was too large for it', () => {
    const leftMs = Date.now() + 9_000;
    const crowdedMs = Date.now() + 59_000;
    gossip.backoff.set(
      'news',
      new Map([
        ['bob', leftMs],
        ['carol', crowdedMs],
      ]),
    );
    for (const peer of ['bob', 'carol']) gossip.says(peer, 'news', true);
    expect([...(gossip.backoff.get('news') ?? [])]).toEqual([['carol', crowdedMs]]);
  });
});
