import { type InboundRequest, PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import type { EventHandler } from '../src/index.ts';
import { aborted, bytes, eventually, failure, TestNetwork, text } from './support/nodes.ts';

const handlerOf = (handleRequest: EventHandler['handleRequest']): EventHandler => ({
  handleRequest,
  handleBroadcast() {},
});

describe('a handler', () => {
  test('that throws shows its caller internal and none of its message, which is in its own log', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    bob.server.setEventHandler(
      handlerOf(({ payload }) => {
        if (text(payload) === 'sync') throw new Error('the password is swordfish');
        return Promise.reject(new PeerdError('internal', 'the password is swordfish'));
      }),
    );
    for (const how of ['sync', 'async']) {
      const error = await failure(alice.client.request(bob.id, bytes(how)));
      expect(error.code).toBe('internal');
      expect(error.message).not.toContain('swordfish');
    }
    expect(
      bob.log.lines.filter((line) => line.startsWith('error') && line.includes('swordfish')),
    ).toHaveLength(2);
  });

  test('that refuses shows its caller the reason, cut when it is very long', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    bob.server.setEventHandler(
      handlerOf(({ payload }) => {
        throw new PeerdError('refused', text(payload));
      }),
    );
    expect(await failure(alice.client.request(bob.id, bytes('closed — ask Möwe')))).toMatchObject({
      code: 'refused',
      message: 'closed — ask Möwe',
    });
    const long = await failure(alice.client.request(bob.id, bytes('ö'.repeat(5_000))));
    expect(long.code).toBe('refused');
    expect(long.message).toMatch(/^ö{500,}/);
    expect(Buffer.byteLength(long.message)).toBeLessThanOrEqual(1024);
  });

  test.each([
    ['nothing', undefined],
    ['text', 'hello'],
    ['an object', { answer: 42 }],
    ['a stream of text', async function* () {}],
  ])('that answers with %s shows its caller internal', async (_, answer) => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    bob.server.setEventHandler(handlerOf(() => answer as unknown as Uint8Array));
    expect((await failure(alice.client.request(bob.id, bytes('x')))).code).toBe('internal');
    await bob.log.line(/^error .*bytes/);
  });

  test('that yields something else than bytes ends the answers with internal', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    bob.server.setEventHandler(
      handlerOf(async function* () {
        yield bytes('one');
        yield 'two' as unknown as Uint8Array;
      }),
    );
    const answers: string[] = [];
    const reading = (async () => {
      for await (const answer of alice.client.requestStream(bob.id, bytes('x'))) answers.push(text(answer));
    })();
    expect((await failure(reading)).code).toBe('internal');
    expect(answers).toEqual(['one']);
  });

  test('that never answers has its signal aborted when the caller times out', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const seen = Promise.withResolvers<InboundRequest>();
    bob.server.setEventHandler(
      handlerOf((request) => {
        seen.resolve(request);
        return new Promise(() => {});
      }),
    );
    const error = await failure(alice.client.request(bob.id, bytes('x'), { timeoutMs: 300 }));
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('300 ms');
    const { signal } = await seen.promise;
    await aborted(signal);
    expect((signal.reason as PeerdError).message).toContain('cancelled');
  });

  test('is told within a turn that its caller has cancelled, and the call ends with the reason given', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const seen = Promise.withResolvers<InboundRequest>();
    bob.server.setEventHandler(
      handlerOf((request) => {
        seen.resolve(request);
        return new Promise(() => {});
      }),
    );
    const cancel = new AbortController();
    const call = alice.client.request(bob.id, bytes('x'), { signal: cancel.signal });
    const { signal } = await seen.promise;
    expect(signal.aborted).toBe(false);
    const reason = new Error('changed my mind');
    cancel.abort(reason);
    await expect(call).rejects.toBe(reason);
    await aborted(signal);
  });

  test('that answers after its caller has gone harms nobody', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const late = Promise.withResolvers<Uint8Array>();
    bob.server.setEventHandler(
      handlerOf((request) => (text(request.payload) === 'late' ? late.promise : request.payload)),
    );
    await failure(alice.client.request(bob.id, bytes('late'), { timeoutMs: 100 }));
    late.resolve(bytes('too late'));
    expect(text(await alice.client.request(bob.id, bytes('next')))).toBe('next');
  });

  test('that nobody has set is reported as no-handler without waiting for the timeout', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    for (const service of ['', 'weather', '$peerd/no-such-service']) {
      const error = await failure(
        alice.client.request(bob.id, bytes('x'), { service, timeoutMs: 3_600_000 }),
      );
      expect(error.code).toBe('no-handler');
    }
  });

  test('is called outside the loop: one that blocks on a promise holds up nothing', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const release = Promise.withResolvers<void>();
    bob.server.setEventHandler(
      handlerOf(async ({ payload }) => {
        if (text(payload) === 'slow') await release.promise;
        return payload;
      }),
    );
    const slow = Array.from({ length: 100 }, () => alice.client.request(bob.id, bytes('slow')));
    expect(text(await alice.client.request(bob.id, bytes('quick')))).toBe('quick');
    expect((await bob.client.status()).peers.connected).toBe(1);
    release.resolve();
    await Promise.all(slow);
  });
});

describe('the one event handler', () => {
  test('is taken once: a second fails with invalid, and the first goes on answering', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    bob.server.setEventHandler(handlerOf(() => bytes('first')));
    expect(() => bob.server.setEventHandler(handlerOf(() => bytes('second')))).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining('already') }),
    );
    expect(text(await alice.client.request(bob.id, bytes('x')))).toBe('first');
  });

  test('and client.handle exclude each other, whichever came first', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    bob.server.setEventHandler(handlerOf(() => bytes('bob')));
    expect((await failure(bob.client.handle('', () => bytes('other')))).code).toBe('invalid');
    await alice.client.handle('', () => bytes('alice'));
    expect(() => alice.server.setEventHandler(handlerOf(() => bytes('other')))).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
    expect(text(await alice.client.request(bob.id, bytes('x')))).toBe('bob');
    expect(text(await bob.client.request(alice.id, bytes('x')))).toBe('alice');
    expect((await bob.client.status()).services).toEqual([]);
  });

  test('hears the topics of the configuration, in order, one at a time', async () => {
    await using network = new TestNetwork();
    const heard: string[] = [];
    let running = 0;
    const [alice, bob] = await Promise.all([
      network.start('alice'),
      network.start('bob', { topics: ['news'] }),
    ]);
    bob.server.setEventHandler({
      handleRequest: ({ payload }) => payload,
      async handleBroadcast({ payload }) {
        running += 1;
        expect(running).toBe(1);
        await new Promise(setImmediate);
        running -= 1;
        heard.push(text(payload));
        if (text(payload) === '3') throw new Error('three is too much');
      },
    });
    await alice.client.ping(bob.address);
    for (let i = 0; i < 10; i += 1) await alice.client.broadcast('news', bytes(`${i}`));
    await eventually('all ten are heard', async () => heard.length === 10);
    expect(heard).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    await bob.log.line(/^warn .*three is too much/);
  });
});

describe('a call that is let go of in the moment it is made', () => {
  test('ends at the far side too, or never begins there', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const working = new Set<AbortSignal>();
    await bob.client.handle('', ({ payload, signal }) => {
      if (payload.length > 0) return payload;
      working.add(signal);
      signal.addEventListener('abort', () => working.delete(signal));
      return new Promise(() => {});
    });
    const cancel = new AbortController();
    const call = alice.client.request(bob.id, bytes(''), { signal: cancel.signal });
    cancel.abort(new Error('never mind'));
    await expect(call).rejects.toThrow('never mind');
    await alice.client.request(bob.id, bytes('x'));
    expect(working.size).toBe(0);
  });

  test('by closing the client ends with stopped, whatever it was', async () => {
    await using network = new TestNetwork();
    const [{ client }, bob] = await network.pair();
    await bob.client.handle('', () => new Promise(() => {}));
    const calls = [
      client.request(bob.id, bytes('x')),
      client.request('/ip4/192.0.2.1/tcp/1', bytes('x')),
      client.requestStream(bob.id, bytes('x'))[Symbol.asyncIterator]().next(),
      client.broadcast('nobody', bytes('x'), { timeoutMs: 60_000 }),
      client.ping('/ip4/192.0.2.1/tcp/1', { timeoutMs: 60_000 }),
    ].map(failure);
    await client.close();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(calls.map(() => 'stopped'));
  });
});
