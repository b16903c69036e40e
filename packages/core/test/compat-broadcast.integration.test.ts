import { expect, test } from 'vitest';
import { BareNode, type GossipFields, idBytes } from './support/bare-node.ts';
import { nextOf } from './support/hearing.ts';
import { bytes, eventually, TestNetwork, text } from './support/nodes.ts';

test('a tinyp2p peer hears us', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours');
  await using bare = await BareNode.start();
  const heard = bare.nextMessage();
  bare.gossip.subscribe('block');
  await bare.dial(ours.address);
  expect(await ours.client.broadcast('block', bytes('a new block'))).toEqual({ peers: 1 });
  expect(await heard).toEqual({ topic: 'block', from: ours.id, text: 'a new block' });
});

test('we hear a tinyp2p peer', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours');
  await using bare = await BareNode.start();
  await using subscription = await ours.client.subscribe('block');
  await ours.client.ping(bare.address);
  await eventually(
    'it knows of our subscription',
    async () => bare.gossip.getSubscribers('block').length === 1,
  );
  await bare.gossip.publish('block', bytes('a new block'));
  const message = await nextOf(subscription);
  expect(message).toMatchObject({ topic: 'block', from: bare.id, missed: 0 });
  expect(text(message.payload)).toBe('a new block');
});

test('what one tinyp2p peer says reaches another through us', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours');
  await using one = await BareNode.start();
  await using two = await BareNode.start();
  await using _ = await ours.client.subscribe('block');
  const heard = two.nextMessage();
  for (const bare of [one, two]) {
    bare.gossip.subscribe('block');
    await bare.dial(ours.address);
    await eventually('we are in its mesh', async () => bare.meshOf('block').length === 1);
  }
  await one.gossip.publish('block', bytes('pass it on'));
  expect(await heard).toEqual({ topic: 'block', from: one.id, text: 'pass it on' });
});

test('of two connections to one peer either may close, and it still hears us', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours');
  await using bare = await BareNode.start();
  bare.gossip.subscribe('block');
  const first = await bare.dial(ours.address);
  expect(await ours.client.broadcast('block', bytes('one'))).toEqual({ peers: 1 });
  await bare.dialAgain(ours.address);
  await first.close();
  const heard = bare.nextMessage();
  expect(await ours.client.broadcast('block', bytes('two'))).toEqual({ peers: 1 });
  expect(await heard).toMatchObject({ text: 'two' });
});

test('unsigned messages are not heard', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours');
  await using careless = await BareNode.start({ gossip: { globalSignaturePolicy: 'StrictNoSign' } });
  await using honest = await BareNode.start();
  await using subscription = await ours.client.subscribe('block');
  for (const bare of [careless, honest]) {
    await bare.dial(ours.address);
    await eventually(
      'it knows of our subscription',
      async () => bare.gossip.getSubscribers('block').length === 1,
    );
  }
  expect((await careless.gossip.publish('block', bytes('unsigned'))).recipients).toHaveLength(1);
  await careless.roundTrip(ours.address);
  await honest.gossip.publish('block', bytes('signed'));
  expect(text((await nextOf(subscription)).payload)).toBe('signed');
});

test.each([
  ['a payload that was changed', (message: GossipFields) => ({ ...message, data: bytes('forged') })],
  [
    'a signature that was changed',
    (message: GossipFields) => ({ ...message, signature: new Uint8Array(64) }),
  ],
  ['another topic', (message: GossipFields) => ({ ...message, topic: 'other' })],
  ['another author', (message: GossipFields, other: Uint8Array) => ({ ...message, from: other })],
  ['no signature', ({ signature: _, ...message }: GossipFields) => message],
])('a message with %s is not heard', async (_, forge) => {
  await using network = new TestNetwork();
  const [ours, third] = await Promise.all([network.start('ours'), network.start('third')]);
  await ours.client.ping(third.address);
  await using forger = await BareNode.start();
  await using subscription = await ours.client.subscribe(['block', 'other']);
  await using passedOn = await third.client.subscribe(['block', 'other']);
  await forger.dial(ours.address);
  await eventually(
    'it knows of our subscription',
    async () => forger.gossip.getSubscribers('block').length === 1,
  );
  const other = idBytes(third.id);
  await forger.publishForged('block', bytes('genuine'), (message) => forge(message, other));
  await forger.gossip.publish('block', bytes('signed'));
  for (const hears of [subscription, passedOn]) expect(text((await nextOf(hears)).payload)).toBe('signed');
});
