import { describe, expect, test } from 'vitest';
import { bytes, eventually, failure, pattern, TestNetwork, text } from './support/nodes.ts';

const MiB = 1024 * 1024;
const LIMIT = 16 * MiB;

describe('payloads', () => {
  test.each([0, 1, 64 * 1024, LIMIT])('of %d bytes go there and come back unchanged', async (size) => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    let asked: Uint8Array | undefined;
    await bob.client.handle('', ({ payload }) => {
      asked = payload;
      return pattern(size, 1);
    });
    const answer = await alice.client.request(bob.id, pattern(size));
    expect(Buffer.compare(asked as Uint8Array, pattern(size))).toBe(0);
    expect(Buffer.compare(answer, pattern(size, 1))).toBe(0);
  });

  test('over the limit fail with too-large before they are sent, and calls in flight go on', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const release = Promise.withResolvers<Uint8Array>();
    let handled = 0;
    await bob.client.handle('', () => {
      handled += 1;
      return release.promise;
    });
    const inFlight = alice.client.request(bob.id, bytes('first'));
    await eventually('the first call is handled', async () => handled === 1);
    const error = await failure(alice.client.request(bob.id, new Uint8Array(LIMIT + 1)));
    expect(error.code).toBe('too-large');
    release.resolve(bytes('done'));
    expect(text(await inFlight)).toBe('done');
    expect(handled).toBe(1);
  });

  test("over the other side's limit fail with too-large, and calls in flight go on", async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair({}, { limits: { maxPayloadBytes: 1_000 } });
    const release = Promise.withResolvers<Uint8Array>();
    const started = Promise.withResolvers<void>();
    await bob.client.handle('slow', () => {
      started.resolve();
      return release.promise;
    });
    await bob.client.handle('', ({ payload }) => payload);
    const inFlight = alice.client.request(bob.id, bytes('first'), { service: 'slow' });
    await started.promise;
    // One that comes in a single frame, and one that is told off while it is still being sent.
    for (const size of [1_001, 4 * MiB]) {
      const error = await failure(alice.client.request(bob.id, new Uint8Array(size)));
      expect(error.code).toBe('too-large');
      expect(error.message).toContain('1000');
    }
    expect(await alice.client.request(bob.id, new Uint8Array(1_000))).toHaveLength(1_000);
    release.resolve(bytes('done'));
    expect(text(await inFlight)).toBe('done');
  });

  test("of answers over the answering side's limit fail with too-large, and calls in flight go on", async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    await bob.client.handle('', ({ payload }) => new Uint8Array(Number(text(payload))));
    const results = await Promise.allSettled(
      [10, LIMIT + 1, 20].map((size) => alice.client.request(bob.id, bytes(`${size}`))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'too-large' } });
  });

  test("of answers over the asking side's own limit fail with too-large, and calls in flight go on", async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair({ limits: { maxPayloadBytes: 1_000 } });
    await bob.client.handle('', ({ payload }) => new Uint8Array(Number(text(payload))));
    const results = await Promise.allSettled(
      [1_000, 1_001, 2 * MiB, 999].map((size) => alice.client.request(bob.id, bytes(`${size}`))),
    );
    expect(
      results.map((each) => (each.status === 'fulfilled' ? each.value.length : each.reason.code)),
    ).toEqual([1_000, 'too-large', 'too-large', 999]);
  });

  test('that are large do not hold up small ones beside them', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    const order: string[] = [];
    await bob.client.handle('', ({ payload }) => payload);
    await alice.client.request(bob.id, bytes('warm'));
    const large = alice.client.request(bob.id, pattern(8 * MiB)).then(() => order.push('large'));
    const small = Promise.all(
      Array.from({ length: 50 }, () =>
        alice.client.request(bob.id, bytes('small')).then(() => order.push('small')),
      ),
    );
    await Promise.all([large, small]);
    expect(order.at(-1)).toBe('large');
  });

  test('that together are over what may be in flight fail with busy, and there is room again after', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair({ limits: { maxBytesInFlight: 2 * MiB } });
    const release = Promise.withResolvers<void>();
    await bob.client.handle('', async ({ payload }) => {
      await release.promise;
      return bytes(`${payload.length}`);
    });
    // Two fit, with room for their answers.
    const size = MiB - 1_000;
    const calls = [1, 2, 3].map(() => alice.client.request(bob.id, new Uint8Array(size)));
    expect((await failure(calls[2] as Promise<Uint8Array>)).code).toBe('busy');
    release.resolve();
    await Promise.all(calls.slice(0, 2));
    expect(text(await alice.client.request(bob.id, new Uint8Array(size)))).toBe(`${size}`);
  });
});

describe('many calls', () => {
  test('10,000 at once from one client are all answered, each with its own answer', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    await bob.client.handle('', async ({ payload }) => bytes(`heard ${text(payload)}`));
    const asked = Array.from({ length: 10_000 }, (_, index) => `${index}`);
    const answers = await Promise.all(asked.map((each) => alice.client.request(bob.id, bytes(each))));
    expect(answers.map(text)).toEqual(asked.map((each) => `heard ${each}`));
  });

  test('both ways at once are all answered', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair();
    for (const { client } of [alice, bob]) await client.handle('', ({ payload }) => payload);
    const ask = (from: typeof alice, to: typeof alice) =>
      Promise.all(Array.from({ length: 500 }, (_, i) => from.client.request(to.id, pattern(5_000, i))));
    const [there, back] = await Promise.all([ask(alice, bob), ask(bob, alice)]);
    for (const answers of [there, back])
      for (const [i, answer] of answers.entries()) expect(Buffer.compare(answer, pattern(5_000, i))).toBe(0);
  });

  test('over the limit of one peer fail with busy, and the others are answered', async () => {
    await using network = new TestNetwork();
    const [alice, bob] = await network.pair({}, { limits: { maxInboundCallsPerPeer: 10 } });
    const release = Promise.withResolvers<void>();
    let handled = 0;
    await bob.client.handle('', async ({ payload }) => {
      handled += 1;
      await release.promise;
      return payload;
    });
    const calls = Array.from({ length: 15 }, () => alice.client.request(bob.id, bytes('x')));
    const outcomes = Promise.allSettled(calls);
    await Promise.all(calls.slice(10).map(async (call) => expect((await failure(call)).code).toBe('busy')));
    release.resolve();
    expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(handled).toBe(10);
  });
});
