import { describe, expect, test } from 'vitest';
import { heardUntil, nextOf } from './support/hearing.ts';
import { bytes, connect, eventually, failure, TestNetwork, text } from './support/nodes.ts';

test('a broadcast says how many peers it went to', async () => {
  await using network = new TestNetwork();
  const [alice, ...others] = await Promise.all(
    ['alice', 'bob', 'carol', 'dave'].map((name) => network.start(name)),
  );
  const [bob, carol, dave] = others;
  if (!alice || !bob || !carol || !dave) throw new Error('four nodes');
  for (const other of others) await connect(alice, other);
  await using one = await bob.client.subscribe('news');
  await using two = await carol.client.subscribe('news');
  await using _ = await dave.client.subscribe('sports');
  expect(await alice.client.broadcast('news', bytes('out'))).toEqual({ peers: 2 });
  for (const subscription of [one, two])
    expect(await nextOf(subscription)).toMatchObject({ topic: 'news', from: alice.id, missed: 0 });
});

test('with nobody there it waits as long as it may, then fails with no-peers', async () => {
  await using network = new TestNetwork();
  const alice = await network.start('alice');
  const startedMs = performance.now();
  const error = await failure(alice.client.broadcast('news', bytes('x'), { timeoutMs: 300 }));
  expect(error.code).toBe('no-peers');
  expect(error.message).toContain('news');
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(290);
  expect(await alice.client.broadcast('news', bytes('x'), { allowNone: true })).toEqual({ peers: 0 });
});

test('a peer that subscribes while a broadcast waits hears it', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  const waiting = alice.client.broadcast('news', bytes('at last'));
  await using subscription = await bob.client.subscribe('news');
  expect(await waiting).toEqual({ peers: 1 });
  expect(text((await nextOf(subscription)).payload)).toBe('at last');
});

test('a subscriber that connects while a broadcast waits hears it', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await Promise.all([network.start('alice'), network.start('bob')]);
  await using subscription = await bob.client.subscribe('news');
  const waiting = alice.client.broadcast('news', bytes('at last'));
  await connect(bob, alice);
  expect(await waiting).toEqual({ peers: 1 });
  expect(text((await nextOf(subscription)).payload)).toBe('at last');
});

test('a subscriber that closed is not counted any more', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  const subscription = await bob.client.subscribe('news');
  expect(await alice.client.broadcast('news', bytes('one'))).toEqual({ peers: 1 });
  await subscription.close();
  // What the close has set off arrives before the answer to a request that is sent after it.
  await failure(bob.client.request(alice.id, bytes('ping')));
  expect((await failure(alice.client.broadcast('news', bytes('two'), { timeoutMs: 100 }))).code).toBe(
    'no-peers',
  );
});

test('a node does not hear its own broadcasts', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  await using own = await alice.client.subscribe('news');
  await using _ = await bob.client.subscribe('news');
  await alice.client.broadcast('news', bytes('from alice'));
  await bob.client.broadcast('news', bytes('from bob'));
  expect(await heardUntil(own, 'from bob')).toEqual(['from bob']);
});

test('every subscription to a topic hears each message once, whatever the others do', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  await using one = await bob.client.subscribe('news');
  await using two = await bob.client.subscribe(['sports', 'news', 'news']);
  const three = await bob.client.subscribe('news');
  for (const message of ['1', '2']) await alice.client.broadcast('news', bytes(message));
  expect(await heardUntil(three, '2')).toEqual(['1', '2']);
  await three.close();
  expect(await alice.client.broadcast('news', bytes('3'))).toEqual({ peers: 1 });
  expect(await heardUntil(one, '3')).toEqual(['1', '2', '3']);
  expect(await heardUntil(two, '3')).toEqual(['1', '2', '3']);
});

test('a slow reader is told how many it missed, and only that one misses any', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await network.pair();
  await using slow = await bob.client.subscribe('news', { maxQueued: 5 });
  await using quick = await bob.client.subscribe('news');
  for (let count = 1; count <= 20; count += 1) await alice.client.broadcast('news', bytes(`${count}`));
  expect((await heardUntil(quick, '20')).length).toBe(20);
  const first = await nextOf(slow);
  expect([text(first.payload), first.missed]).toEqual(['16', 15]);
  const second = await nextOf(slow);
  expect([text(second.payload), second.missed]).toEqual(['17', 0]);
});

describe('limits', () => {
  test('a broadcast over the limit fails with too-large, and one at the limit arrives whole', async () => {
    await using network = new TestNetwork();
    const limits = { maxPayloadBytes: 256 * 1024 };
    const [alice, bob] = await network.pair({ limits }, { limits });
    await using subscription = await bob.client.subscribe('news');
    const over = new Uint8Array(limits.maxPayloadBytes + 1);
    expect((await failure(alice.client.broadcast('news', over))).code).toBe('too-large');
    await alice.client.broadcast('news', over.subarray(1));
    expect((await nextOf(subscription)).payload.length).toBe(limits.maxPayloadBytes);
    await alice.client.broadcast('news', bytes(''));
    expect((await nextOf(subscription)).payload.length).toBe(0);
  });

  test('a broadcast that is too large for one neighbour costs it that one, and nobody else anything', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair({}, { limits: { maxPayloadBytes: 64 * 1024 } });
    const carol = await network.start('carol');
    await connect(alice, carol);
    await using own = await alice.client.subscribe('news');
    await using small = await bob.client.subscribe('news');
    await using large = await carol.client.subscribe('news');
    await alice.client.broadcast('news', new Uint8Array(256 * 1024));
    expect((await nextOf(large)).payload.length).toBe(256 * 1024);
    await eventually('both are reached again', async () => {
      const { peers } = await alice.client.broadcast('news', bytes('again'));
      return peers === 2;
    });
    expect(text((await nextOf(small)).payload)).toBe('again');
    await bob.client.broadcast('news', bytes('from bob'));
    expect(await heardUntil(own, 'from bob')).toEqual(['from bob']);
  });

  test('a topic has a name of at most 200 characters', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    for (const topic of ['', 'x'.repeat(201)]) {
      expect((await failure(alice.client.broadcast(topic, bytes('x')))).code).toBe('invalid');
      expect((await failure(alice.client.subscribe(topic))).code).toBe('invalid');
    }
    expect((await failure(alice.client.subscribe([]))).code).toBe('invalid');
    const longest = 'ü/☎ '.repeat(50);
    await using subscription = await bob.client.subscribe(longest);
    await alice.client.broadcast(longest, bytes('x'));
    expect((await nextOf(subscription)).topic).toBe(longest);
  });

  test('a node is subscribed to at most 1,000 topics', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice');
    const topics = Array.from({ length: 1_000 }, (_, index) => `topic ${index}`);
    const all = await alice.client.subscribe(topics);
    expect((await failure(alice.client.subscribe('one more'))).code).toBe('busy');
    await using _ = await alice.client.subscribe('topic 7');
    await all.close();
    await using more = await alice.client.subscribe('one more');
    expect(more.topics).toEqual(['one more']);
  });
});

describe('the event handler', () => {
  test('hears its topics in order, one message at a time', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await Promise.all([
      network.start('alice'),
      network.start('bob', { topics: ['news', 'jobs'] }),
    ]);
    const heard: string[] = [];
    const all = Promise.withResolvers<void>();
    let running = 0;
    bob.server.setEventHandler({
      handleRequest: ({ payload }) => payload,
      handleBroadcast: async ({ topic, from, payload }) => {
        running += 1;
        expect([running, from]).toEqual([1, alice.id]);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        if (heard.push(`${topic} ${text(payload)}`) === 40) all.resolve();
      },
    });
    await connect(alice, bob);
    for (let count = 0; count < 40; count += 1)
      await alice.client.broadcast(count % 2 === 0 ? 'news' : 'jobs', bytes(`${count}`));
    await all.promise;
    expect(heard).toEqual(
      Array.from({ length: 40 }, (_, count) => `${count % 2 === 0 ? 'news' : 'jobs'} ${count}`),
    );
  });

  test('that throws or hangs harms nobody', async () => {
    await using network = new TestNetwork();
    const [alice, bob, carol] = await Promise.all([
      network.start('alice'),
      network.start('bob', { topics: ['news'] }),
      network.start('carol', { topics: ['news'] }),
    ]);
    const heard: string[] = [];
    bob.server.setEventHandler({
      handleRequest: ({ payload }) => payload,
      handleBroadcast: ({ payload }) => {
        heard.push(text(payload));
        if (heard.length === 1) throw new Error('at once');
        return heard.length === 2 ? Promise.reject(new Error('later')) : undefined;
      },
    });
    carol.server.setEventHandler({
      handleRequest: ({ payload }) => payload,
      handleBroadcast: () => new Promise<void>(() => {}),
    });
    await connect(alice, bob);
    await connect(alice, carol);
    await using subscription = await bob.client.subscribe('news');
    for (const message of ['1', '2', '3']) await alice.client.broadcast('news', bytes(message));
    expect(await heardUntil(subscription, '3')).toEqual(['1', '2', '3']);
    for (const peer of [bob, carol])
      expect(await alice.client.request(peer.id, bytes('still there?'))).toBeDefined();
    await bob.log.line(/handler of broadcasts failed: later/);
    expect(heard).toEqual(['1', '2', '3']);
  });
});

test('a neighbour that takes broadcasts slower than they come loses some, and that is told', async () => {
  await using network = new TestNetwork();
  const [alice, bob] = await Promise.all([
    network.start('alice', { limits: { maxPayloadBytes: 1_000 } }),
    network.start('bob'),
  ]);
  await connect(bob, alice);
  await using events = await alice.client.watch();
  await using _ = await bob.client.subscribe('news');
  // More at once than the way takes (256 KiB) and may wait for it.
  const payload = new Uint8Array(1_000);
  await Promise.all(Array.from({ length: 400 }, () => alice.client.broadcast('news', payload)));
  const name = 'bytes of broadcasts that the slowest neighbour has to take';
  for await (const event of events) if (event.type === 'overload' && event.queue === name) break;
  const queue = (await alice.client.top()).queues.find((each) => each.name === name);
  expect(queue).toMatchObject({ unit: 'bytes', limit: 4_000 });
  expect(queue?.refused).toBeGreaterThan(0);
  // It is heard again by who is left.
  await eventually('it is sent to again', async () => {
    const { peers } = await alice.client.broadcast('news', payload, { allowNone: true });
    return peers === 1;
  });
});
