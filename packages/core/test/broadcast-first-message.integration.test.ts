import { expect, test } from 'vitest';
import { BareNode } from './support/bare-node.ts';
import { heardUntil, nextOf } from './support/hearing.ts';
import { bytes, connect, TestNetwork, text } from './support/nodes.ts';

// What `subscribe` promises: once it has answered, nothing that a connected peer broadcasts is lost.

test('the first message after a subscription arrives, topic after topic', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  for (let round = 0; round < 100; round += 1) {
    const topic = `round ${round}`;
    await using subscription = await bob.client.subscribe(topic);
    expect(await alice.client.broadcast(topic, bytes(topic), { allowNone: true })).toEqual({ peers: 1 });
    expect(text((await nextOf(subscription)).payload)).toBe(topic);
  }
});

test('it arrives when others have subscribed before', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  const carol = await network.start('carol');
  await connect(carol, alice);
  for (let round = 0; round < 100; round += 1) {
    const topic = `round ${round}`;
    await using first = await carol.client.subscribe(topic);
    await using second = await bob.client.subscribe(topic);
    expect(await alice.client.broadcast(topic, bytes(topic))).toEqual({ peers: 2 });
    for (const subscription of [first, second])
      expect(text((await nextOf(subscription)).payload)).toBe(topic);
  }
});

test('it arrives on a connection that is a moment old, whoever dialled', async () => {
  await using network = new TestNetwork();
  const alice = await network.start('alice');
  const carol = await network.start('carol');
  await connect(carol, alice);
  await using _ = await carol.client.subscribe('news');
  for (let round = 0; round < 10; round += 1) {
    const bob = await network.start(`bob-${round}`);
    await (round % 2 === 0 ? connect(bob, alice) : connect(alice, bob));
    await using subscription = await bob.client.subscribe('news');
    const { peers } = await alice.client.broadcast('news', bytes(`${round}`));
    expect(peers).toBe(2);
    expect(text((await nextOf(subscription)).payload)).toBe(`${round}`);
    await bob.stop();
    // A request to it fails once its connection is gone.
    await alice.client.request(bob.id, bytes(''), { timeoutMs: 2_000 }).catch(() => {});
  }
});

test('it arrives while another peer leaves its hello unanswered', async () => {
  await using network = new TestNetwork();
  await using stalled = await BareNode.start();
  await stalled.node.handle('/peerd/hello/1', () => {});
  const [alice, bob] = await Promise.all([network.start('alice'), network.start('bob')]);
  await stalled.protocolsOf(alice.address);
  await connect(bob, alice);
  await using subscription = await bob.client.subscribe('news');
  expect(await alice.client.broadcast('news', bytes('x'), { timeoutMs: 1_000 })).toEqual({ peers: 1 });
  expect(text((await nextOf(subscription)).payload)).toBe('x');
});

test('leaving a topic and joining it again works at once between neighbours', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  await using _ = await alice.client.subscribe('news');
  for (let round = 0; round < 20; round += 1) {
    const subscription = await bob.client.subscribe('news');
    expect(await alice.client.broadcast('news', bytes(`${round}`))).toEqual({ peers: 1 });
    expect(text((await nextOf(subscription)).payload)).toBe(`${round}`);
    await bob.client.broadcast('news', bytes(`back ${round}`));
    await subscription.close();
  }
});

test('a subscription that takes the place of another misses nothing', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  let subscription = await bob.client.subscribe('news');
  for (let round = 0; round < 20; round += 1) {
    const closing = subscription.close();
    subscription = await bob.client.subscribe('news');
    await closing;
    expect(await alice.client.broadcast('news', bytes(`${round}`))).toEqual({ peers: 1 });
    expect(text((await nextOf(subscription)).payload)).toBe(`${round}`);
  }
  await subscription.close();
});

test('leaving a topic and joining it again works at once through a peer in between', async () => {
  await using network = new TestNetwork();
  const [alice, middle, bob] = await Promise.all(
    ['alice', 'middle', 'bob'].map((name) => network.start(name)),
  );
  if (!alice || !middle || !bob) throw new Error('three nodes');
  await connect(alice, middle);
  await connect(bob, middle);
  await using _ = await middle.client.subscribe('news');
  const startedMs = performance.now();
  for (let round = 0; round < 10; round += 1) {
    const subscription = await bob.client.subscribe('news');
    await alice.client.broadcast('news', bytes(`${round}`));
    expect(await heardUntil(subscription, `${round}`)).toEqual([`${round}`]);
    await subscription.close();
  }
  // Left to GossipSub's heartbeat it takes up to a second a round.
  expect(performance.now() - startedMs).toBeLessThan(4_000);
});
