import { describe, expect, test } from 'vitest';
import { aborted, bytes, failure, pattern, TestNetwork, type TestNode, text } from './support/nodes.ts';

const KiB = 1024;

/** Serves a stream of `count` answers of `size` bytes and tells how many of them were taken from the handler. */
async function serveStream(node: TestNode, count: number, size: number) {
  const served = { taken: 0, ended: Promise.withResolvers<void>() };
  await node.client.handle('stream', async function* ({ signal }) {
    void aborted(signal).then(() => served.ended.resolve());
    try {
      for (; served.taken < count; served.taken += 1) yield pattern(size, served.taken);
    } finally {
      served.ended.resolve();
    }
  });
  await node.client.handle('quick', ({ payload }) => payload);
  return served;
}

/** Round trips that give a stream every chance to run ahead. */
async function roundTrips(from: TestNode, to: TestNode, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await from.client.request(to.id, bytes('x'), { service: 'quick' });
}

const stream = { service: 'stream' };

describe('a stream of answers', () => {
  test.each([
    [1_000, 10],
    [20, 300 * KiB],
    [2, 16 * KiB * KiB],
    [5, 0],
  ])('of %d messages of %d bytes arrives whole and in order', async (count, size) => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    await serveStream(bob, count, size);
    let received = 0;
    for await (const answer of alice.client.requestStream(bob.id, bytes('go'), stream)) {
      expect(Buffer.compare(answer, pattern(size, received))).toBe(0);
      received += 1;
    }
    expect(received).toBe(count);
  });

  test.each([
    ['empty', 0],
    ['small', 4 * KiB],
    ['larger than the window', 1_500 * KiB],
  ])('of %s messages stays close to its reader, also after much of it has been read', async (_, size) => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const served = await serveStream(bob, 100_000, size);
    const answers = alice.client.requestStream(bob.id, bytes('go'), stream)[Symbol.asyncIterator]();
    let read = 0;
    for (; read < 60; read += 1) await answers.next();
    await roundTrips(alice, bob, 300);
    // Each message counts for something, or empty ones would pile up without end.
    const ahead = (served.taken - read) * (size + 64);
    expect(ahead).toBeLessThan(1_024 * KiB + 3 * (size + 64));
    await answers.return?.();
  });

  test('of a slow reader does not hold up other calls to the same peer', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    await serveStream(bob, 100_000, 16 * KiB);
    const slow = Array.from({ length: 8 }, () =>
      alice.client.requestStream(bob.id, bytes('go'), stream)[Symbol.asyncIterator](),
    );
    for (const each of slow) await each.next();
    // More than the window of the whole stream of calls waits to be read by now.
    await roundTrips(alice, bob, 20);
    for (const each of slow) await each.return?.();
  });

  test('ends at the handler when the reader leaves the loop', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const served = await serveStream(bob, 100_000, 100);
    for await (const _ of alice.client.requestStream(bob.id, bytes('go'), stream)) break;
    await served.ended.promise;
    expect(served.taken).toBeLessThan(100_000);
  });

  test('ends at both sides when it is cancelled, after what had arrived', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const served = await serveStream(bob, 100_000, 100);
    const cancel = new AbortController();
    const reason = new Error('enough');
    let received = 0;
    const reading = (async () => {
      for await (const _ of alice.client.requestStream(bob.id, bytes('go'), {
        ...stream,
        signal: cancel.signal,
      })) {
        received += 1;
        if (received === 10) cancel.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await served.ended.promise;
  });

  test('times out as a whole, however busy it is', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const served = await serveStream(bob, Number.POSITIVE_INFINITY, 100);
    const reading = (async () => {
      for await (const _ of alice.client.requestStream(bob.id, bytes('go'), { ...stream, timeoutMs: 300 }));
    })();
    expect((await failure(reading)).code).toBe('timeout');
    await served.ended.promise;
  });

  test('with a message over the limit fails with too-large after those before it', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair({}, { limits: { maxPayloadBytes: 1_000 } });
    await bob.client.handle('stream', async function* () {
      yield bytes('fits');
      yield new Uint8Array(1_001);
    });
    const received: string[] = [];
    const reading = (async () => {
      for await (const answer of alice.client.requestStream(bob.id, bytes('go'), stream))
        received.push(text(answer));
    })();
    expect((await failure(reading)).code).toBe('too-large');
    expect(received).toEqual(['fits']);
  });

  test('fails with stopped when its own server stops, and the far handler is told', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const served = await serveStream(bob, Number.POSITIVE_INFINITY, 100);
    const answers = alice.client.requestStream(bob.id, bytes('go'), stream)[Symbol.asyncIterator]();
    await answers.next();
    await alice.stop();
    const rest = (async () => {
      while (!(await answers.next()).done);
    })();
    expect((await failure(rest)).code).toBe('stopped');
    await served.ended.promise;
  });
});
