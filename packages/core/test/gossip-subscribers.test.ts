import type { GossipSub } from '@libp2p/gossipsub';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchSubscribers } from '../src/host/gossip-subscribers.ts';

/** As much of GossipSub, and of the node under it, as is watched. */
class FakeGossip extends EventTarget {
  readonly protocols = ['/meshsub'];
  readonly streamsOutbound = new Map<string, string>();
  readonly streamsInbound = new Map<string, unknown>();
  readonly backoff = new Map<string, Map<string, number>>();
  readonly node = Object.assign(new EventTarget(), { getConnections: () => [] });
  readonly registrar = { getTopologies: () => [] };

  says(peer: string, topic: string, subscribe: boolean): void {
    const detail = { peerId: { toString: () => peer }, subscriptions: [{ topic, subscribe }] };
    this.dispatchEvent(new CustomEvent('subscription-change', { detail }));
  }

  disconnects(peer: string): void {
    this.node.dispatchEvent(new CustomEvent('peer:disconnect', { detail: peer }));
  }
}

describe('a neighbour', () => {
  let gossip: FakeGossip;
  let reported: string[];
  let watching: AbortController;

  beforeEach(() => {
    gossip = new FakeGossip();
    reported = [];
    watching = new AbortController();
    const host = gossip as unknown as Parameters<typeof watchSubscribers>[1];
    watchSubscribers(gossip as unknown as GossipSub, host, watching.signal, (peer, topic, isSubscribed) => {
      reported.push(`${peer} ${isSubscribed ? 'hears' : 'left'} ${topic}`);
    });
  });

  afterEach(() => watching.abort());

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
  });

  test('that leaves again before we can send to it never counts', () => {
    gossip.says('bob', 'news', true);
    gossip.says('bob', 'news', false);
    gossip.streamsOutbound.set('bob', 'stream');
    expect(reported).toEqual([]);
  });

  test('that disconnects before we can send to it never counts', () => {
    gossip.says('bob', 'news', true);
    gossip.disconnects('bob');
    gossip.streamsOutbound.set('bob', 'stream');
    expect(reported).toEqual([]);
  });

  test('that we can no longer send to does not count until we can again', () => {
    gossip.streamsOutbound.set('bob', 'stream');
    gossip.says('bob', 'news', true);
    gossip.streamsOutbound.delete('bob');
    gossip.streamsOutbound.delete('bob');
    expect(reported).toEqual(['bob hears news', 'bob left news']);
    gossip.streamsOutbound.set('bob', 'another');
    expect(reported).toEqual(['bob hears news', 'bob left news', 'bob hears news']);
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
