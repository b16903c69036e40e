import { describe, expect, test } from 'vitest';
import { generateSecret } from '../src/index.ts';
import { BareNode } from './support/bare-node.ts';
import { MemoryDatastore } from './support/memory-datastore.ts';
import {
  bytes,
  connect,
  eventually,
  failure,
  peerOf,
  TestNetwork,
  type TestNode,
  text,
} from './support/nodes.ts';

/** Bootstraps as often as may be. */
const eager = { discovery: 'on', firstBootstrapMs: 0, bootstrapIntervalMs: 200 } as const;

/** Takes part in the DHT, and looks for nobody by itself in the time of a test. */
const quiet = { discovery: 'on', firstBootstrapMs: 3_600_000 } as const;

async function echo(node: TestNode): Promise<void> {
  await node.client.handle('', ({ payload }) => bytes(`${node.name}: ${text(payload)}`));
}

async function isInDht(node: TestNode, other: TestNode): Promise<boolean> {
  return (await peerOf(node, other.id))?.inDht === true;
}

test('two peers that connect are in the table of each other', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair(quiet, quiet);
  for (const [node, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    await eventually(`${node.name} has ${other.name} in its table`, () => isInDht(node, other));
    expect((await peerOf(node, other.id))?.addresses).toEqual([other.address]);
  }
});

test('a peer finds another through a third, and asks it by id and by name', async () => {
  await using network = new TestNetwork();
  const middle = await network.start('middle', quiet);
  const [seeker, found] = await Promise.all([
    network.start('seeker', { ...eager, peers: [middle.address] }),
    network.start('found', { ...quiet, peers: [middle.address] }),
  ]);
  await echo(found);
  await eventually('the seeker has it in its table', () => isInDht(seeker, found));
  expect(text(await seeker.client.request(found.id, bytes('hello')))).toBe('found: hello');
  expect(text(await seeker.client.request('found', bytes('again')))).toBe('found: again');
});

test('a peer asked by an id that nobody here has heard of is found on demand', async () => {
  await using network = new TestNetwork();
  const [middle, seeker, found] = await Promise.all(
    ['middle', 'seeker', 'found'].map((name) => network.start(name, quiet)),
  );
  if (!middle || !seeker || !found) throw new Error('three nodes');
  await echo(found);
  await connect(found, middle);
  await eventually('it is in the table', () => isInDht(middle, found));
  await connect(seeker, middle);
  expect(text(await seeker.client.request(found.id, bytes('hello')))).toBe('found: hello');
});

test('who comes later is found too: the bootstrap is repeated', async () => {
  await using network = new TestNetwork();
  const middle = await network.start('middle', quiet);
  const seeker = await network.start('seeker', { ...eager, peers: [middle.address] });
  // They wait to be found. libp2p's own first look around, after a second, can find one of them, not three.
  const never = { querySelfInterval: 3_600_000, initialQuerySelfInterval: 3_600_000 };
  for (const name of ['first', 'second', 'third']) {
    await using late = await BareNode.start({
      dht: { protocol: '/peerd/kad/1.0.0', clientMode: false, ...never },
    });
    await late.dial(middle.address);
    await eventually(`the seeker has the ${name} in its table`, async () => {
      return (await peerOf(seeker, late.id))?.inDht === true;
    });
  }
});

describe('discovery = off', () => {
  test('connects to the listed peers and to nobody else', async () => {
    await using network = new TestNetwork();
    const middle = await network.start('middle', quiet);
    const listed = { peers: [middle.address] };
    const other = await network.start('other', { ...quiet, ...listed });
    const [off, on] = await Promise.all([
      network.start('off', { ...listed, discovery: 'off' }),
      network.start('on', { ...eager, ...listed }),
    ]);
    await eventually('with discovery on the other is found', () => isInDht(on, other));
    expect((await off.client.peers()).map(({ id }) => id)).toEqual([middle.id]);
    // Over the one that it is connected to, and not by a connection of its own.
    expect((await failure(off.client.request(other.id, bytes('x')))).code).toBe('no-handler');
    expect((await off.client.peers()).map(({ id }) => id)).toEqual([middle.id]);
  });

  test('forgets who it knew in an earlier run', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob', quiet);
    const identity = { secret: await generateSecret(), datastore: new MemoryDatastore() };
    const before = await network.start('alice', { ...quiet, ...identity });
    await connect(before, bob);
    await before.stop();
    const after = await network.start('alice', { ...identity, discovery: 'off' });
    expect((await failure(after.client.request('bob', bytes('x')))).code).toBe('unknown-peer');
  });
});

test('peers are remembered over a restart, with their names', async () => {
  await using network = new TestNetwork();
  const bob = await network.start('bob', quiet);
  await echo(bob);
  const identity = { ...quiet, secret: await generateSecret(), datastore: new MemoryDatastore() };
  const before = await network.start('alice', identity);
  await connect(before, bob);
  await eventually('bob is in the table', () => isInDht(before, bob));
  await before.stop();
  const after = await network.start('alice', identity);
  expect(await peerOf(after, bob.id)).toMatchObject({ name: 'bob' });
  await eventually('it is connected again', async () => (await peerOf(after, bob.id))?.connected === true);
  await eventually('it is in the table again', () => isInDht(after, bob));
  expect(text(await after.client.request('bob', bytes('me again')))).toBe('bob: me again');
});

test('multicast is off unless it is asked for', async () => {
  await using network = new TestNetwork();
  await network.start('alice', { ...quiet, profile: 'lan', listen: ['/ip4/127.0.0.1/tcp/0'] });
  const open = process.getActiveResourcesInfo();
  expect(open).toContain('TCPServerWrap');
  expect(open.filter((resource) => resource.startsWith('UDP'))).toEqual([]);
});
