import { describe, expect, test } from 'vitest';
import { createPeer, encodeSecret, generateSecret } from '../src/index.ts';
import type { Recorder } from '../src/server/server.ts';
import { Child } from './support/child.ts';
import { aborted, bytes, connect, eventually, failure, peerOf, TestNetwork, text } from './support/nodes.ts';

const stuck = { service: 'stuck' };
const echo = { service: 'echo' };

/** A peer in a process of its own; it asks the one at `dial` and waits for an answer that does not come. */
async function startChild(
  network: TestNetwork,
  name: string,
  options: { secret?: Uint8Array; dial?: string } = {},
) {
  const { secret = await generateSecret(), dial } = options;
  const args = [network.name, name, encodeSecret(secret), ...(dial === undefined ? [] : [dial])];
  return new Child(new URL('./support/peer-process.ts', import.meta.url), args);
}

describe('a peer that is killed', () => {
  test('in the middle of a call ends it with disconnected at once, and leaves the connected peers', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice');
    await using bob = await startChild(network, 'bob');
    const address = await bob.line();
    const id = address.split('/').at(-1) as string;
    const calls = [1, 2, 3].map(() =>
      alice.client.request(address, bytes('x'), { ...stuck, timeoutMs: 600_000 }),
    );
    const outcomes = Promise.all(calls.map((call) => failure(call)));
    for (const _ of calls) expect(await bob.line()).toBe('asked');
    bob.kill();
    for (const error of await outcomes) {
      expect(error.code).toBe('disconnected');
      expect(error.message).toContain('unknown');
    }
    expect((await peerOf(alice, id))?.connected ?? false).toBe(false);
    const next = await failure(alice.client.request(address, bytes('x'), { timeoutMs: 10_000 }));
    expect(next.code).toBe('unreachable');
  });

  test('in the middle of its own call has the handler told, and nothing of it is left', async () => {
    await using network = new TestNetwork();
    const left = Promise.withResolvers<Record<string, unknown>>();
    const recorder: Recorder = { begin() {}, turn() {}, input() {}, end: left.resolve };
    const bob = await network.start('bob', {}, { recorder });
    const asked = Promise.withResolvers<AbortSignal>();
    await bob.client.handle('stuck', ({ signal }) => {
      asked.resolve(signal);
      return new Promise(() => {});
    });
    await using alice = await startChild(network, 'alice', { dial: bob.address });
    await alice.line();
    const signal = await asked.promise;
    alice.kill();
    await aborted(signal);
    expect((signal.reason as Error).message).toContain('gone');
    await eventually('nobody is connected', async () => (await bob.client.status()).peers.connected === 0);
    await bob.stop();
    expect((await left.promise).request).toMatchObject({ heldBytes: 0, links: [], inbound: { calls: [] } });
  });

  test('and comes back at another address, where it connects again, is asked there by its name', async () => {
    await using network = new TestNetwork();
    const alice = await network.start('alice');
    await alice.client.handle('stuck', () => new Promise(() => {}));
    const secret = await generateSecret();
    for (let run = 0; run < 3; run += 1) {
      await using bob = await startChild(network, 'bob', { secret, dial: alice.address });
      await bob.line();
      await alice.log.line(/^info connected to bob/, run + 1);
      expect(text(await alice.client.request('bob', bytes(`run ${run}`), echo))).toBe(`run ${run}`);
      bob.kill();
    }
  });
});

describe('a server that is stopped', () => {
  test('ends every call that is open with stopped', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const asked = Promise.withResolvers<void>();
    await bob.client.handle('stuck', () => {
      asked.resolve();
      return new Promise(() => {});
    });
    const { client } = alice;
    const subscription = await client.subscribe('news');
    const reading = (async () => {
      for await (const _ of subscription);
    })();
    const open = [
      client.request(bob.id, bytes('x'), stuck),
      client.requestStream(bob.id, bytes('x'), stuck)[Symbol.asyncIterator]().next(),
      client.request('/ip4/127.0.0.1/tcp/1', bytes('x')),
      client.broadcast('nobody-hears-this', bytes('x'), { timeoutMs: 600_000 }),
    ].map((call) => failure(call));
    await asked.promise;
    // These are still in the queue when it stops.
    const queued = [
      client.status(),
      client.peers(),
      client.ping(bob.id),
      client.request(bob.id, bytes('x'), stuck),
    ];
    const outcomes = Promise.allSettled(queued);
    await alice.stop();
    const codes = (await Promise.all(open)).map(({ code }) => code);
    expect(codes.filter((code) => code !== 'stopped' && code !== 'unreachable')).toEqual([]);
    expect(codes.filter((code) => code === 'stopped').length).toBeGreaterThanOrEqual(3);
    for (const outcome of await outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'stopped' });
    await reading;
    for (const call of [
      client.request(bob.id, bytes('x')),
      client.status(),
      client.subscribe('x'),
      client.ping(bob.id),
    ])
      expect((await failure(call)).code).toBe('stopped');
  });

  test('tells the handlers that are at work, and their callers that it was stopped, before the connection goes', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const asked = Promise.withResolvers<AbortSignal>();
    await bob.client.handle('stuck', ({ signal }) => {
      asked.resolve(signal);
      return new Promise(() => {});
    });
    // More than one packet of ends, in both directions of the connection.
    await alice.client.handle('stuck', () => new Promise(() => {}));
    const mine = failure(bob.client.request(alice.id, bytes('x'), stuck));
    const calls = Array.from({ length: 500 }, () => alice.client.request(bob.id, bytes('x'), stuck));
    const outcomes = Promise.all(calls.map((call) => failure(call)));
    const signal = await asked.promise;
    await eventually('all are in flight', async () => (await bob.client.top()).calls.inbound === 500);
    await bob.stop();
    expect(signal.aborted).toBe(true);
    expect((await mine).code).toBe('stopped');
    for (const error of await outcomes)
      expect(error).toMatchObject({
        code: 'stopped',
        message: expect.stringContaining('whether it was handled is unknown'),
      });
  });

  test('can be stopped before it has begun, and runs only once', async () => {
    const { client, server } = await createPeer({ secret: await generateSecret(), name: 'alice' });
    const early = failure(client.peers());
    await server.run({ signal: AbortSignal.abort() });
    expect((await early).code).toBe('stopped');
    await expect(server.run()).rejects.toMatchObject({ code: 'invalid' });
  });

  test('leaves nothing that keeps its process alive, with connections and calls open', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob');
    const asked = Promise.withResolvers<void>();
    await bob.client.handle('stuck', () => {
      asked.resolve();
      return new Promise(() => {});
    });
    await using child = await startChild(network, 'child', { dial: bob.address });
    const address = await child.line();
    await connect(bob, { ...bob, address });
    await asked.promise;
    child.send('stop');
    expect([await child.line(), await child.line()].sort()).toEqual(['ended stopped', 'stopped']);
    expect(await child.ended()).toEqual({ code: 0, signal: null, errors: '' });
  });
});

describe('a port', () => {
  test('that is in use is reported as invalid, with the address and what to do', async () => {
    await using network = new TestNetwork();
    const bob = await network.start('bob');
    const taken = bob.address.replace(/\/p2p\/.*/, '');
    const { client, server } = await createPeer({
      secret: await generateSecret(),
      name: 'alice',
      listen: [taken],
    });
    const waiting = failure(client.request(bob.id, bytes('x')));
    const error = await failure(server.run());
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining(taken) });
    expect(error.message).toContain('in use');
    expect((await waiting).code).toBe('stopped');
  });
});

describe('two peers that dial each other at the same moment', () => {
  test('can both ask each other, and lose no call', async () => {
    await using network = new TestNetwork();
    for (let round = 0; round < 5; round += 1) {
      const [alice, bob] = await Promise.all([
        network.start(`alice-${round}`),
        network.start(`bob-${round}`),
      ]);
      for (const { client, name } of [alice, bob]) await client.handle('', () => bytes(name));
      const ask = (from: typeof alice, to: typeof alice) =>
        Promise.all(Array.from({ length: 20 }, () => from.client.request(to.address, bytes('x'))));
      const [there, back] = await Promise.all([ask(alice, bob), ask(bob, alice)]);
      expect(new Set(there.map(text))).toEqual(new Set([bob.name]));
      expect(new Set(back.map(text))).toEqual(new Set([alice.name]));
      expect(text(await alice.client.request(bob.name, bytes('again')))).toBe(bob.name);
      expect(text(await bob.client.request(alice.name, bytes('again')))).toBe(alice.name);
    }
  });
});
