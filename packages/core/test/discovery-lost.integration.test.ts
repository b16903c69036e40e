import { describe, expect, test } from 'vitest';
import { generateSecret } from '../src/index.ts';
import { BareNode } from './support/bare-node.ts';
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

/** Takes part in the DHT, and looks for nobody by itself in the time of a test. */
const quiet = { discovery: 'on', firstBootstrapMs: 3_600_000 } as const;

const dht = { protocol: '/peerd/kad/1.0.0', clientMode: false };

async function becomesKnown(node: TestNode, id: string): Promise<void> {
  await eventually('it is in the table', async () => (await peerOf(node, id))?.inDht === true);
}

/** Connected, and the two have greeted each other. */
async function becomesUsable(node: TestNode, id: string): Promise<void> {
  await eventually('it is connected', async () => {
    const peer = await peerOf(node, id);
    return peer?.connected === true && peer.kind === 'peerd';
  });
}

async function isForgotten(node: TestNode, id: string): Promise<void> {
  await eventually('it has left', async () => (await peerOf(node, id)) === undefined);
}

describe('a peer that is gone leaves the table, and the list of peers', () => {
  test('when it is stopped', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair(quiet, quiet);
    await becomesKnown(alice, bob.id);
    await bob.stop();
    await isForgotten(alice, bob.id);
    expect((await failure(alice.client.request('bob', bytes('x')))).code).toBe('unreachable');
    await alice.log.line(new RegExp(`removing ${bob.id} from the DHT`));
  });

  test('when it is another implementation that closes', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice', quiet);
    const bare = await BareNode.start({ dht });
    await bare.dial(alice.address);
    await becomesKnown(alice, bare.id);
    await bare[Symbol.asyncDispose]();
    await isForgotten(alice, bare.id);
  });

  test('when it was configured by an address that does not say who is there', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob', quiet);
    const alice = await network.start('alice', {
      ...quiet,
      peers: [bob.address.split('/p2p/')[0] as string],
    });
    await becomesKnown(alice, bob.id);
    await bob.stop();
    await isForgotten(alice, bob.id);
  });

  test('when it was found through another', async () => {
    await using network = new TestNetwork();
    const middle = await network.start('middle', quiet);
    const found = await network.start('found', { ...quiet, peers: [middle.address] });
    const seeker = await network.start('seeker', {
      discovery: 'on',
      firstBootstrapMs: 0,
      bootstrapIntervalMs: 200,
      peers: [middle.address],
    });
    await becomesKnown(seeker, found.id);
    await found.stop();
    await isForgotten(middle, found.id);
    await isForgotten(seeker, found.id);
  });

  test('and what others say of it does not bring it back', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice', { ...quiet, bootstrapIntervalMs: 200, firstBootstrapMs: 0 });
    const [bob, liar] = await Promise.all([network.start('bob', quiet), BareNode.start({ dht })]);
    await connect(alice, bob);
    await liar.dial(alice.address);
    await liar.dial(bob.address);
    await eventually('the other tells of it', async () => liar.dhtSize === 2);
    await bob.stop();
    await isForgotten(alice, bob.id);
    await alice.client.request(bob.id, bytes('x'), { timeoutMs: 2_000 }).catch(() => {});
    await eventually('it is not in the table', async () => (await peerOf(alice, bob.id))?.inDht !== true);
    await liar[Symbol.asyncDispose]();
  });
});

test('a peer that only lost its connection stays: it is dialled again', async () => {
  await using network = new TestNetwork();
  const alice = await network.start('alice', quiet);
  await using bare = await BareNode.start({ dht });
  await alice.client.ping(bare.address);
  await becomesKnown(alice, bare.id);
  const [connection] = bare.node.getConnections();
  await connection?.close();
  await eventually('it is connected again', async () => {
    const [another] = bare.node.getConnections();
    return another !== undefined && another.id !== connection?.id;
  });
  await eventually('it is known', async () => (await peerOf(alice, bare.id))?.connected === true);
  expect((await peerOf(alice, bare.id))?.inDht).toBe(true);
});

describe('a peer that does not answer pings', () => {
  test('is forgotten when it can’t be dialled either, and its connection is closed', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice', { ...quiet, pingIntervalMs: 300, pingTimeoutMs: 200 });
    // Nobody listens where it says it is.
    await using bare = await BareNode.start({ dht, announce: ['/ip4/127.0.0.1/tcp/1'] });
    await bare.dial(alice.address);
    await becomesKnown(alice, bare.id);
    const closed = new Promise<void>((resolve) => {
      bare.node.addEventListener('connection:close', () => resolve(), { once: true });
    });
    // From now on it hangs.
    await bare.node.unhandle('/ipfs/ping/1.0.0');
    await bare.node.handle('/ipfs/ping/1.0.0', () => {});
    await closed;
    await isForgotten(alice, bare.id);
    await alice.log.line(new RegExp(`${bare.id} did not answer a ping`));
  });

  test('because it has no such protocol stays connected', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice', { ...quiet, pingIntervalMs: 100, pingTimeoutMs: 100 });
    await using bare = await BareNode.start({ dht });
    let pinged = 0;
    await bare.node.unhandle('/ipfs/ping/1.0.0');
    await bare.dial(alice.address);
    await eventually('it is connected', async () => (await peerOf(alice, bare.id))?.connected === true);
    expect((await failure(alice.client.ping(bare.id))).code).toBe('incompatible');
    // As many checks of a peer that does answer have gone by.
    await using other = await BareNode.start();
    await other.node.unhandle('/ipfs/ping/1.0.0');
    await other.node.handle('/ipfs/ping/1.0.0', async (stream) => {
      pinged += 1;
      for await (const chunk of stream) stream.send(chunk);
    });
    await other.dial(alice.address);
    await eventually('three checks have gone by', async () => pinged >= 3);
    expect((await peerOf(alice, bare.id))?.connected).toBe(true);
  });
});

describe('a configured peer', () => {
  test.each(['on', 'off'] as const)(
    'is connected again when it comes back (discovery = %s)',
    async (discovery) => {
      await using network = new TestNetwork();
      const secret = await generateSecret();
      const before = await network.start('bob', { ...quiet, discovery, secret });
      const alice = await network.start('alice', { ...quiet, discovery, peers: [before.address] });
      await becomesUsable(alice, before.id);
      await before.stop();
      await eventually(
        'it is not connected',
        async () => (await peerOf(alice, before.id))?.connected !== true,
      );
      const listen = [before.address.split('/p2p/')[0] as string];
      const after = await network.start('bob', { ...quiet, discovery, secret, listen });
      await after.client.handle('', ({ payload }) => payload);
      await becomesUsable(alice, after.id);
      expect(text(await alice.client.request('bob', bytes('welcome back')))).toBe('welcome back');
    },
  );

  test('that is not there yet is connected once it is', async () => {
    await using network = new TestNetwork();
    const secret = await generateSecret();
    const before = await network.start('bob', { secret });
    await before.stop();
    const alice = await network.start('alice', { peers: [before.address] });
    await alice.log.line(/can't be connected to/);
    const listen = [before.address.split('/p2p/')[0] as string];
    const bob = await network.start('bob', { secret, listen });
    await becomesUsable(alice, bob.id);
    expect((await alice.client.status()).peers).toEqual({ known: 1, connected: 1, routed: 0 });
  });
});

test('a configured peer that was lost is reached again at the one of its addresses that works, which is not the last', async () => {
  await using network = new TestNetwork();
  const secret = await generateSecret();
  const bob = await network.start('bob', { secret });
  const listen = [bob.address.replace(/\/p2p\/.*/, '')];
  const nowhere = [1, 2].map((port) => `/ip4/127.0.0.1/tcp/${port}/p2p/${bob.id}`);
  const alice = await network.start('alice', { peers: [bob.address, ...nowhere] });
  await becomesUsable(alice, bob.id);
  await bob.stop();
  // One peer, at whose addresses nobody is.
  await eventually('alice has tried all of them', async () => {
    const { unreached } = await alice.client.status();
    return unreached[0]?.error?.code === 'unreachable' && unreached[0].nextDialMs !== undefined;
  });
  expect((await alice.client.status()).unreached).toMatchObject([{ id: bob.id }]);
  await network.start('bob', { secret, listen });
  await becomesUsable(alice, bob.id);
  expect((await alice.client.status()).unreached).toEqual([]);
});

test('the own address in the list of peers, with the id or without, is told of in the log and not as unreached', async () => {
  await using network = new TestNetwork();
  const secret = await generateSecret();
  const before = await network.start('alice', { secret });
  const listen = [before.address.replace(/\/p2p\/.*/, '')];
  await before.stop();
  const alice = await network.start('alice', { secret, listen, peers: [before.address, ...listen] });
  await alice.log.line(new RegExp(`${before.address}, one of the configured peers, is this node itself`));
  await alice.log.line(new RegExp(`${listen[0]}, one of the configured peers, is this node itself`));
  expect((await alice.client.status()).unreached).toEqual([]);
});
