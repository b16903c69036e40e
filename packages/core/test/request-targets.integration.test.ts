import { describe, expect, test } from 'vitest';
import { generateSecret } from '../src/index.ts';
import { bytes, connect, eventually, failure, TestNetwork, type TestNode, text } from './support/nodes.ts';

/** Answers every request with its own name. */
async function startNamed(network: TestNetwork, name: string): Promise<TestNode> {
  const node = await network.start(name);
  await node.client.handle('', () => bytes(node.id));
  return node;
}

function startThree(network: TestNetwork, third: string): Promise<[TestNode, TestNode, TestNode]> {
  return Promise.all([startNamed(network, 'alice'), startNamed(network, 'bob'), startNamed(network, third)]);
}

/** The shortest beginning of `id` that `other` does not share. */
function uniquePrefix(id: string, other: string): string {
  let length = 1;
  while (other.startsWith(id.slice(0, length))) length += 1;
  return id.slice(0, length);
}

const withoutId = (address: string) => address.replace(/\/p2p\/.*/, '');

describe('a request', () => {
  test('reaches a connected peer by its name, its id and a prefix that no other id has', async () => {
    await using network = new TestNetwork();
    const [alice, bob, carol] = await startThree(network, 'carol');
    await connect(alice, bob);
    await connect(alice, carol);
    for (const target of ['bob', bob.id, uniquePrefix(bob.id, carol.id)])
      expect(text(await alice.client.request(target, bytes('who is there?')))).toBe(bob.id);
  });

  test.each([
    ['with its id', (bob: TestNode) => bob.address],
    ['without its id', (bob: TestNode) => withoutId(bob.address)],
  ])('reaches a peer that was never heard of by its multiaddr %s', async (_, target) => {
    await using network = new TestNetwork();
    const [alice, bob] = await Promise.all([startNamed(network, 'alice'), startNamed(network, 'bob')]);
    expect(text(await alice.client.request(target(bob), bytes('hello')))).toBe(bob.id);
    // From then on the name will do.
    expect(text(await alice.client.request('bob', bytes('hello')))).toBe(bob.id);
  });

  test('by a multiaddr reaches the peer it was connected to before, over the same connection', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await Promise.all([startNamed(network, 'alice'), startNamed(network, 'bob')]);
    await connect(alice, bob);
    await alice.client.request(bob.address, bytes('hello'));
    expect(bob.log.lines.filter((line) => line.includes('connected to alice'))).toHaveLength(1);
  });

  test('by a name that two peers have fails and says which they are', async () => {
    await using network = new TestNetwork();
    const [alice, bob, other] = await startThree(network, 'bob');
    await connect(alice, bob);
    await connect(alice, other);
    const error = await failure(alice.client.request('bob', bytes('which one?')));
    expect(error.code).toBe('invalid');
    expect([...error.candidates].sort()).toEqual([bob.id, other.id].sort());
    expect(text(await alice.client.request(other.id, bytes('you')))).toBe(other.id);
  });

  test('by a name fails once a second peer bears it, also on a route that was taken before', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await Promise.all([startNamed(network, 'alice'), startNamed(network, 'bob')]);
    await connect(alice, bob);
    expect(text(await alice.client.request('bob', bytes('x')))).toBe(bob.id);
    const other = await startNamed(network, 'bob');
    await connect(alice, other);
    expect((await failure(alice.client.request('bob', bytes('x')))).code).toBe('invalid');
  });

  test('by a prefix that two ids share fails and says which they are', async () => {
    await using network = new TestNetwork();
    const [alice, bob, carol] = await startThree(network, 'carol');
    await connect(alice, bob);
    await connect(alice, carol);
    // All Ed25519 ids begin so.
    const error = await failure(alice.client.request('12D3KooW', bytes('x')));
    expect(error.code).toBe('invalid');
    expect([...error.candidates].sort()).toEqual([bob.id, carol.id].sort());
  });

  test.each([
    ['a name nobody has', 'nobody', 'unknown-peer'],
    [
      'an id that nobody is reached at',
      '12D3KooWJ9BYfpA5fT9RaqCw8MvDDxChFCfVkYW8DVeCbUeFbvrq',
      'unreachable',
    ],
    ['a text that can be no peer', 'no such/peer', 'invalid'],
    ['an empty text', '', 'invalid'],
    ['a multiaddr that is none', '/ip4/127.0.0.1/tcp/none', 'invalid'],
    ['a multiaddr of an unknown protocol', '/carrier-pigeon/7', 'invalid'],
    ['a multiaddr where nobody listens', '/ip4/127.0.0.1/tcp/1', 'unreachable'],
    ['a multiaddr of a transport that is not there', '/ip4/127.0.0.1/udp/1/quic-v1', 'unreachable'],
  ])('to %s fails with a code that says so', async (_, target, code) => {
    await using network = new TestNetwork();
    const alice = await startNamed(network, 'alice');
    expect((await failure(alice.client.request(target, bytes('x'), { timeoutMs: 5_000 }))).code).toBe(code);
    expect((await alice.client.status()).peers.connected).toBe(0);
  });

  test('to an address where somebody else answers than its id says fails with unreachable', async () => {
    await using network = new TestNetwork();
    const [alice, bob, carol] = await startThree(network, 'carol');
    const wrong = `${withoutId(bob.address)}/p2p/${carol.id}`;
    const error = await failure(alice.client.request(wrong, bytes('x')));
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain(carol.id);
  });

  test.each([
    ['name', (alice: TestNode) => alice.name],
    ['id', (alice: TestNode) => alice.id],
    ['address', (alice: TestNode) => alice.address],
  ])('to the asking node itself by its %s fails with invalid', async (_, target) => {
    await using network = new TestNetwork();
    const alice = await startNamed(network, 'alice');
    const error = await failure(alice.client.request(target(alice), bytes('x')));
    expect(error.code).toBe('invalid');
    expect(error.message).toContain('this node itself');
  });

  test('to a name waits for a connection on its way that may turn out to be that peer', async () => {
    await using network = new TestNetwork();
    const bob = await startNamed(network, 'bob');
    const alice = await network.start('alice', { peers: [bob.address] });
    expect(text(await alice.client.request('bob', bytes('x')))).toBe(bob.id);
  });
});

test('connect to a peer that dialled us tells where it listens, not which port it came from', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  // Until alice has told where she listens there is no address to tell.
  await eventually('bob knows where alice listens', async () => {
    const { address } = await bob.client.connect(alice.id);
    if (address !== undefined) expect(address).toBe(alice.address);
    return address !== undefined;
  });
  expect((await alice.client.connect(bob.id)).address).toBe(bob.address);
});

test('another node with the same identity is told of in the log, once, and the own address is not', async () => {
  await using network = new TestNetwork();
  const secret = await generateSecret();
  const alice = await network.start('alice', { secret });
  const twin = await network.start('twin', { secret });
  const connecting = async (address: string) =>
    expect(await failure(alice.client.connect(withoutId(address)))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('the identity of this node'),
    });
  const told = () =>
    alice.log.lines.filter((line) => line.startsWith('warn') && line.includes('another node'));
  await connecting(alice.address);
  expect(told()).toEqual([]);
  await connecting(twin.address);
  await connecting(twin.address);
  expect(told()).toEqual([expect.stringContaining(withoutId(twin.address))]);
});
