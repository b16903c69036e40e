import type { Connection, Stream } from '@libp2p/interface';
import type { ErrorCode } from '@peerd/protocol';
import * as lp from 'it-length-prefixed';
import { describe, expect, test } from 'vitest';
import { generateSecret, type PeerConfig, peerIdOf } from '../src/index.ts';
import { BareNode } from './support/bare-node.ts';
import { bytes, eventually, failure, TestNetwork, text } from './support/nodes.ts';
import { RawPeer } from './support/raw-peer.ts';

const aliceSecret = await generateSecret();
const aliceId = await peerIdOf(aliceSecret);
const bobSecret = await generateSecret();
const bobId = await peerIdOf(bobSecret);
const strangerId = await peerIdOf(await generateSecret());

interface Case {
  readonly what: string;
  readonly alice?: Partial<PeerConfig>;
  readonly bob?: Partial<PeerConfig>;
  readonly reason: RegExp;
  /** Default: `forbidden`. */
  readonly code?: ErrorCode;
}

const refusals: readonly Case[] = [
  { what: 'in another network', bob: { network: 'elsewhere' }, reason: /network .*elsewhere/ },
  {
    what: 'with another network secret',
    alice: { networkSecret: 'one' },
    bob: { networkSecret: 'two' },
    reason: /secrets differ/,
  },
  {
    what: 'without the network secret',
    bob: { networkSecret: 'two' },
    reason: /network secret|has a secret/,
  },
  { what: 'with a network secret where there is none', alice: { networkSecret: 'one' }, reason: /secret/ },
  { what: 'on the deny list of who it dials', bob: { deny: [aliceId] }, reason: /deny list/ },
  { what: 'that denies who it dials', alice: { deny: [bobId] }, reason: /deny list/ },
  { what: 'not on the allow list of who it dials', bob: { allow: [strangerId] }, reason: /allow list/ },
  { what: 'that does not allow who it dials', alice: { allow: [strangerId] }, reason: /allow list/ },
  {
    what: 'that routes otherwise',
    alice: { routing: { strategy: 'source' } },
    reason: /routes by \w+, the other by \w+: set routing\.strategy to the same in both configurations/,
    code: 'incompatible',
  },
];

describe('a peer', () => {
  test.each(refusals)(
    '$what is refused with a reason that both sides read',
    async ({ alice, bob, reason, code = 'forbidden' }) => {
      await using network = new TestNetwork();
      const [a, b] = await Promise.all([
        network.start('alice', { secret: aliceSecret, ...alice }),
        network.start('bob', { secret: bobSecret, ...bob }),
      ]);
      for (const { client } of [a, b]) await client.handle('', ({ payload }) => payload);
      const error = await failure(a.client.request(b.address, bytes('let me in')));
      expect(error.code).toBe(code);
      expect(error.message).toMatch(reason);
      expect(await a.log.line(/^warn /)).toMatch(reason);
      expect(await b.log.line(/^warn /)).toMatch(reason);
      // Nor any other way round, by any other call.
      expect((await failure(b.client.request(a.address, bytes('then you')))).code).toBe(code);
      expect((await failure(a.client.request(b.id, bytes('once more')))).code).toBe(code);
      expect((await failure(a.client.ping(b.address))).code).toBe(code);
      expect((await failure(a.client.broadcast('news', bytes('x'), { timeoutMs: 50 }))).code).toBe(
        'no-peers',
      );
    },
  );

  test.each<[string, Partial<PeerConfig>, Partial<PeerConfig>]>([
    ['that knows the network secret', { networkSecret: 'a b c' }, { networkSecret: 'a b c' }],
    ['on the allow list', {}, { allow: [strangerId, aliceId] }],
    ['that allows and is allowed', { allow: [bobId] }, { allow: [aliceId] }],
    ['where only others are denied', { deny: [strangerId] }, { deny: [strangerId] }],
  ])('%s is let in, and both sides can ask', async (_, alice, bob) => {
    await using network = new TestNetwork();
    const [a, b] = await network.pair({ secret: aliceSecret, ...alice }, { secret: bobSecret, ...bob });
    for (const { client, name } of [a, b]) await client.handle('', () => bytes(name));
    expect(text(await a.client.request('bob', bytes('x')))).toBe('bob');
    expect(text(await b.client.request('alice', bytes('x')))).toBe('alice');
  });

  test('that speaks only the first version of hello is refused with a reason that both sides read', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob');
    await using old = await RawPeer.start();
    const before = { versions: [1], roles: [], routing: '' };
    const refusal = await old.enter(network.name, bob.address, before).catch(({ message }: Error) => message);
    const reason =
      /"code":"incompatible".* in version 2, the other in 1: the older peerd of the two needs an/;
    expect(refusal).toMatch(reason);
    expect(await bob.log.line(/^warn /)).toMatch(/version 2, the other in 1/);
    expect((await bob.client.peers()).filter(({ connected }) => connected)).toEqual([]);
  });

  test('that speaks the first version of hello and is dialled is refused, and the caller reads why', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice');
    await using old = await RawPeer.start();
    // As the first version answered a greeting whose versions it does not speak.
    const reason = 'the refusing side speaks versions 1 of hello, the other 2';
    await old.answerHello({ type: 'refusal', code: 'incompatible', reason });
    const error = await failure(alice.client.ping(old.address));
    expect(error).toMatchObject({ code: 'incompatible', message: expect.stringContaining(reason) });
  });

  test('on both the allow and the deny list is refused', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice', { secret: aliceSecret });
    const bob = await network.start('bob', { allow: [aliceId], deny: [aliceId] });
    expect((await failure(alice.client.ping(bob.address))).code).toBe('forbidden');
  });

  test('that was refused does not keep others from being let in', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob', { networkSecret: 'two' });
    const [alice, carol] = await Promise.all([
      network.start('alice', { networkSecret: 'one' }),
      network.start('carol', { networkSecret: 'two' }),
    ]);
    await bob.client.handle('', ({ payload }) => payload);
    const [refused, answer] = await Promise.allSettled(
      [alice, carol].map(({ client }) => client.request(bob.address, bytes('x'))),
    );
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'forbidden' } });
    expect(answer).toMatchObject({ status: 'fulfilled' });
    expect((await bob.client.peers()).filter(({ connected }) => connected)).toMatchObject([{ id: carol.id }]);
  });
});

describe('a peer that says no hello', () => {
  test('may use what it speaks in an open network', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob');
    await bob.client.handle('', ({ payload }) => bytes(`heard ${text(payload)}`));
    await using bare = await BareNode.start();
    expect(await bare.protocolsOf(bob.address)).toContain('/ipfs/ping/1.0.0');
    expect(
      await bare.node.services.ping.ping(bare.node.getConnections()[0]?.remotePeer as never),
    ).toBeGreaterThan(-1);
    // The same that a closed network leaves unanswered below.
    const connection = bare.node.getConnections()[0] as Connection;
    const answered = await Promise.all(served.map((protocol) => knock(connection, protocol)));
    for (const protocol of ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/tinyp2p/req-resp/1.0.0'])
      await eventually(`${protocol} is answered`, async () =>
        answered.some((each) => each.protocol === protocol && each.received > 0),
      );
    expect(text((await bare.ask(bob.address, bytes('hello'))) as Uint8Array)).toBe('heard hello');
    expect((await bob.client.peers())[0]).toMatchObject({ id: bare.id, kind: 'other', connected: true });
  });

  test('fails a request with forbidden when it is dialled from a closed network', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice', { networkSecret: 'one' });
    await using bare = await BareNode.start();
    let asked = 0;
    await bare.serve((payload) => {
      asked += 1;
      return payload;
    });
    const error = await failure(alice.client.request(bare.address, bytes('x')));
    expect(error).toMatchObject({ code: 'forbidden', message: expect.stringContaining('hello') });
    expect(asked).toBe(0);
  });

  test('is served no protocol in a closed network and disconnected after five seconds', async () => {
    await using network = new TestNetwork();
    await using bare = await BareNode.start();
    await using other = await BareNode.start();
    const handled: string[] = [];
    const closed = async (name: string, config: Partial<PeerConfig>, stranger: BareNode) => {
      const node = await network.start(name, { ...config, discovery: 'on', topics: ['news'] });
      node.server.setEventHandler({
        handleRequest: ({ payload }) => {
          handled.push(name);
          return payload;
        },
        handleBroadcast: () => void handled.push(name),
      });
      stranger.gossip.subscribe('news');
      const startedMs = performance.now();
      const connection = await stranger.dial(node.address);
      const ended = new Promise<void>((resolve) => connection.addEventListener('close', () => resolve()));
      const heard = await Promise.all(served.map((protocol) => knock(connection, protocol)));
      await ended;
      expect(performance.now() - startedMs).toBeGreaterThan(4_500);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
      expect(heard.map(({ received }) => received)).toEqual(served.map(() => 0));
      expect(stranger.gossip.getSubscribers('news')).toEqual([]);
      expect(await stranger.node.peerStore.get(connection.remotePeer)).not.toHaveProperty(
        'metadata.AgentVersion',
      );
      expect(await node.log.line(/^warn /)).toContain('closed to peers that do not say hello');
    };
    // That it is on the allow list does not spare it the hello.
    await Promise.all([
      closed('secretive', { networkSecret: 'one' }, bare),
      closed('choosy', { allow: [other.id] }, other),
    ]);
    expect(handled).toEqual([]);
  });
});

/** Everything a node speaks besides hello, and what one would say first. */
const served: readonly (readonly [string, Uint8Array])[] = [
  ['/ipfs/id/1.0.0', new Uint8Array(0)],
  ['/ipfs/id/push/1.0.0', new Uint8Array(0)],
  ['/ipfs/ping/1.0.0', new Uint8Array(32)],
  [
    '/meshsub/1.1.0',
    lp.encode.single(Uint8Array.of(0x0a, 8, 0x08, 1, 0x12, 4, 0x6e, 0x65, 0x77, 0x73)).subarray(),
  ],
  // FIND_NODE of a key.
  ['/peerd/kad/1.0.0', lp.encode.single(Uint8Array.of(0x08, 4, 0x12, 4, 1, 2, 3, 4)).subarray()],
  ['/tinyp2p/req-resp/1.0.0', lp.encode.single(bytes('hello')).subarray()],
  ['/peerd/request/1', Uint8Array.of(9, 1, 1, 3, 0, 3, 0, 1, 2, 3)],
];

/** Opens a stream, says something, and counts the bytes that come back on it until it ends. */
async function knock(connection: Connection, [protocol, says]: readonly [string, Uint8Array]) {
  const heard = { protocol, received: 0 };
  let stream: Stream;
  try {
    stream = await connection.newStream(protocol, { maxOutboundStreams: 64 });
  } catch {
    return heard;
  }
  stream.addEventListener('message', ({ data }) => {
    heard.received += data.byteLength;
  });
  if (says.length > 0) stream.send(says);
  return heard;
}
