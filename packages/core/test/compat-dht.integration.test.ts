import { expect, test } from 'vitest';
import { BareNode, idBytes } from './support/bare-node.ts';
import { connect, eventually, peerOf, TestNetwork } from './support/nodes.ts';

const ipfs = '/ipfs/kad/1.0.0';
const peerd = '/peerd/kad/1.0.0';

/** Discovery on, and nothing of it that comes by itself in the time of a test. */
const quiet = { discovery: 'on', firstBootstrapMs: 3_600_000 } as const;

test('compat = tinyp2p changes the name of the DHT and nothing else', async () => {
  await using network = new TestNetwork();
  const [own, compatible] = await Promise.all([
    network.start('own', quiet),
    network.start('compatible', { ...quiet, compat: 'tinyp2p' }),
  ]);
  await using bare = await BareNode.start();
  const ownProtocols = await bare.protocolsOf(own.address);
  expect(ownProtocols).toContain(peerd);
  expect(ownProtocols).not.toContain(ipfs);
  expect((await bare.protocolsOf(compatible.address)).toSorted()).toEqual(
    ownProtocols.map((protocol) => (protocol === peerd ? ipfs : protocol)).toSorted(),
  );
});

test('with discovery off no DHT is served', async () => {
  await using network = new TestNetwork();
  const [off, on] = await Promise.all([network.start('off'), network.start('on', quiet)]);
  await using bare = await BareNode.start();
  const offered = await bare.protocolsOf(off.address);
  expect([...offered, peerd].toSorted()).toEqual((await bare.protocolsOf(on.address)).toSorted());
});

test('every protocol of tinyp2p is spoken', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours', { ...quiet, compat: 'tinyp2p' });
  await using bare = await BareNode.start();
  expect(await bare.protocolsOf(ours.address)).toEqual(
    expect.arrayContaining([
      '/tinyp2p/req-resp/1.0.0',
      '/meshsub/1.1.0',
      '/ipfs/id/1.0.0',
      '/ipfs/ping/1.0.0',
      ipfs,
    ]),
  );
});

test.each([
  ['/ipfs/kad/1.0.0', { compat: 'tinyp2p' }],
  ['/peerd/kad/1.0.0', {}],
] as const)('a peer that is only a client of %s is told of the others', async (protocol, compat) => {
  await using network = new TestNetwork();
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => network.start(name, { ...quiet, ...compat })),
  );
  if (!one || !two) throw new Error('two nodes');
  await connect(one, two);
  await eventually(
    'the one has the other in its table',
    async () => (await peerOf(one, two.id))?.inDht === true,
  );
  await using client = await BareNode.start({ dht: { protocol, clientMode: true } });
  await client.dial(one.address);
  await eventually('it has us in its table', async () => client.dhtSize === 1);
  const told = await client.findAt(one.id, idBytes(two.id));
  expect(told.map(({ id }) => id)).toContain(two.id);
  expect(told.find(({ id }) => id === two.id)?.addresses).toEqual([two.address.split('/p2p/')[0]]);
});

test('a tinyp2p peer is found in the DHT by who never had its address', async () => {
  await using network = new TestNetwork();
  const compat = { ...quiet, compat: 'tinyp2p' } as const;
  const [middle, seeker] = await Promise.all([
    network.start('middle', compat),
    network.start('seeker', compat),
  ]);
  await using bare = await BareNode.start({ dht: { protocol: ipfs, clientMode: false } });
  await bare.serve((payload) => payload);
  await bare.dial(middle.address);
  await eventually('it is in the table', async () => (await peerOf(middle, bare.id))?.inDht === true);
  await connect(seeker, middle);
  const answer = await seeker.client.request(bare.id, new Uint8Array([1, 2, 3]));
  expect([...answer]).toEqual([1, 2, 3]);
  expect(await peerOf(seeker, bare.id)).toMatchObject({ kind: 'other' });
});

test('a peer that takes no part in our DHT is not put into it', async () => {
  await using network = new TestNetwork();
  const ours = await network.start('ours', quiet);
  const off = await network.start('off');
  await using foreign = await BareNode.start({ dht: { protocol: ipfs, clientMode: false } });
  await using client = await BareNode.start({ dht: { protocol: peerd, clientMode: true } });
  await using server = await BareNode.start({ dht: { protocol: peerd, clientMode: false } });
  await connect(ours, off);
  for (const bare of [foreign, client, server]) await ours.client.ping(bare.address);
  await eventually('the server is in the table', async () => (await peerOf(ours, server.id))?.inDht === true);
  for (const outside of [off, foreign, client]) expect((await peerOf(ours, outside.id))?.inDht).toBe(false);
});

const loopback = '/ip4/127.0.0.1/tcp/4001';
const unspecified = '/ip4/0.0.0.0/tcp/4001';
const inside = '/ip4/192.168.7.7/tcp/4001';
const outside = '/ip4/8.8.8.8/tcp/4001';

test.each([
  ['local', [loopback, inside, outside]],
  ['lan', [inside, outside]],
  ['internet', [outside]],
] as const)(
  'with profile %s peers are told only of addresses that are good for them',
  async (profile, addresses) => {
    await using network = new TestNetwork();
    const ours = await network.start('ours', { ...quiet, profile, listen: ['/ip4/127.0.0.1/tcp/0'] });
    const announce = [loopback, unspecified, inside, outside];
    await using server = await BareNode.start({ dht: { protocol: peerd, clientMode: false }, announce });
    await server.dial(ours.address);
    await eventually('it is in the table', async () => (await peerOf(ours, server.id))?.inDht === true);
    await using client = await BareNode.start({ dht: { protocol: peerd, clientMode: true } });
    await client.dial(ours.address);
    await eventually('it has us in its table', async () => client.dhtSize === 1);
    const told = await client.findAt(ours.id, idBytes(server.id));
    expect(new Set(told.map(({ id }) => id))).toEqual(new Set([server.id]));
    expect(told[0]?.addresses.toSorted()).toEqual(addresses.toSorted());
  },
);

test('a peer that has only addresses on its own machine stays out of a public DHT', async () => {
  await using network = new TestNetwork();
  const publicly = { ...quiet, profile: 'internet', listen: ['/ip4/127.0.0.1/tcp/0'] } as const;
  const ours = await network.start('ours', publicly);
  await using local = await BareNode.start({ dht: { protocol: peerd, clientMode: false } });
  await using known = await BareNode.start({
    dht: { protocol: peerd, clientMode: false },
    announce: [outside],
  });
  await local.dial(ours.address);
  await known.dial(ours.address);
  await eventually(
    'the one with an address is in the table',
    async () => (await peerOf(ours, known.id))?.inDht === true,
  );
  expect(await peerOf(ours, local.id)).toMatchObject({ connected: true, inDht: false });
});
