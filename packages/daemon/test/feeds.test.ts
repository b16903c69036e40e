import { iterablePromise } from '@peerd/protocol';
import { lingerMs } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type FakeDaemon, fakePair } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

const lease = 'a lease of this test';

describe('a subscription with a lease', () => {
  let a: FakeDaemon;
  let b: FakeDaemon;
  beforeEach(async () => {
    ({ a, b } = await fakePair());
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all([a.close(), b.close()]);
  });

  const tell = (...texts: string[]) =>
    Promise.all(texts.map((text) => a.node.broadcast('news', Buffer.from(text))));

  /** A client that has subscribed under the lease, and what the daemon said to that. */
  async function subscribed(heard?: bigint) {
    const client = await RawClient.greeted(b.socket);
    const resumed = heard === undefined ? {} : { heard };
    client.send(1, { case: 'subscribe', value: { topics: ['news'], lease, maxQueued: 100, ...resumed } });
    const done = await client.next();
    expect(done).toMatchObject({ call: 1, body: { case: 'done' } });
    return { client, missed: done?.body.case === 'done' ? done.body.value.missed : undefined };
  }

  async function textOf(client: RawClient): Promise<string> {
    const frame = await client.next();
    return frame?.body.case === 'message' ? Buffer.from(frame.body.value.payload).toString() : '';
  }

  /** Destroys a connection, and waits until the daemon knows. */
  async function lose(client: RawClient): Promise<void> {
    const others = b.server.clients - 1;
    client.socket.destroy();
    await expect.poll(() => b.server.clients).toBe(others);
  }

  test('counts what comes while its client is lost, and goes on when it is back', async () => {
    const before = await subscribed();
    expect(before.missed).toBeUndefined();
    await tell('one', 'two');
    expect([await textOf(before.client), await textOf(before.client)]).toEqual(['one', 'two']);
    await lose(before.client);
    await tell('three', 'four', 'five');
    const after = await subscribed(2n);
    expect(after.missed).toBe(3);
    await tell('six');
    expect(await textOf(after.client)).toBe('six');
    expect(b.node.listeners.size).toBe(1);
  });

  test('counts what was sent and did not arrive', async () => {
    const { client } = await subscribed();
    await tell('one', 'two', 'three');
    expect(await textOf(client)).toBe('one');
    await lose(client);
    expect((await subscribed(1n)).missed).toBe(2);
  });

  test('counts from zero for a client that was lost before it heard that it stood', async () => {
    const unheard = await subscribed();
    await lose(unheard.client);
    await tell('one', 'two');
    const before = await subscribed();
    expect(before.missed).toBeUndefined();
    await tell('three');
    expect(await textOf(before.client)).toBe('three');
    await lose(before.client);
    await tell('four');
    expect((await subscribed(1n)).missed).toBe(1);
  });

  test('is not taken over by one of its client that was lost before it stood', async () => {
    const stands = Promise.withResolvers<void>();
    const subscribe = b.node.subscribe.bind(b.node);
    vi.spyOn(b.node, 'subscribe').mockImplementationOnce((...asked) =>
      iterablePromise(stands.promise.then(() => subscribe(...asked))),
    );
    const lost = await RawClient.greeted(b.socket);
    lost.send(1, { case: 'subscribe', value: { topics: ['news'], lease } });
    await expect.poll(() => vi.mocked(b.node.subscribe).mock.calls.length).toBe(1);
    lost.socket.destroy();
    const before = await subscribed();
    await tell('one');
    expect(await textOf(before.client)).toBe('one');
    stands.resolve();
    await expect.poll(() => b.server.clients).toBe(1);
    await lose(before.client);
    await tell('two');
    expect((await subscribed(1n)).missed).toBe(1);
    expect(b.node.listeners.size).toBe(1);
  });

  test('goes to a client that comes back before the daemon knows that it was lost', async () => {
    const before = await subscribed();
    const after = await subscribed(0n);
    expect(after.missed).toBe(0);
    await tell('one');
    expect(await textOf(after.client)).toBe('one');
    expect(await before.client.next()).toMatchObject({ call: 1, body: { case: 'done' } });
    await lose(before.client);
    await tell('two');
    expect(await textOf(after.client)).toBe('two');
  });

  test('that the daemon does not know begins anew and claims nothing', async () => {
    const { client, missed } = await subscribed(17n);
    expect(missed).toBeUndefined();
    await tell('one');
    expect(await textOf(client)).toBe('one');
  });

  test('of which its client has heard more than came claims nothing', async () => {
    const { client } = await subscribed();
    await lose(client);
    expect((await subscribed(5n)).missed).toBeUndefined();
  });

  test('leaves its topics when nobody comes back for it in time', async () => {
    const { client } = await subscribed();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    client.socket.destroy();
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(lingerMs - 1);
    expect(b.node.listeners.size).toBe(1);
    const left = b.node.left();
    await vi.advanceTimersByTimeAsync(1);
    await left;
    expect(b.node.listeners.size).toBe(0);
  });

  test('is one of 1,024 that may wait: past that the one that has waited longest goes', async () => {
    const client = await RawClient.greeted(b.socket);
    const count = 1_025;
    for (let call = 1; call <= count; call += 1)
      client.send(call, { case: 'subscribe', value: { topics: [`topic ${call}`], lease: `${call}` } });
    for (let call = 1; call <= count; call += 1) expect((await client.next())?.body.case).toBe('done');
    expect(b.node.listeners.size).toBe(count);
    await lose(client);
    await expect.poll(() => b.node.listeners.size).toBe(count - 1);
    expect([...b.node.listeners].some(({ topics }) => topics.includes('topic 1'))).toBe(false);
  });

  test('that is cancelled leaves its topics at once', async () => {
    const { client } = await subscribed();
    client.send(1, { case: 'cancel', value: {} });
    expect(await client.next()).toMatchObject({ call: 1, body: { case: 'done' } });
    expect(b.node.listeners.size).toBe(0);
  });

  test('does not hold up a daemon that stops', async () => {
    const { client } = await subscribed();
    await lose(client);
    await b.close();
    expect(b.node.listeners.size).toBe(0);
  });
});
