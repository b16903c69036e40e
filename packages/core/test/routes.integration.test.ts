import { expect, test } from 'vitest';
import { generateSecret, peerIdOf } from '../src/identity.ts';
import { ROUTES_SERVICE } from '../src/internal-services.ts';
import { END_MESSAGE, END_STREAM, FrameType } from '../src/request/frames.ts';
import { encodeExchange } from '../src/routing/codec.ts';
import { connect, eventually, TestNetwork } from './support/nodes.ts';
import { RawCalls, RawPeer } from './support/raw-peer.ts';
import { advertOf } from './support/routing-node.ts';

test.each(['table', 'source'] as const)(
  'by %s peers that are not connected find each other over others, and lose each other when a link is cut',
  async (strategy) => {
    await using network = new TestNetwork();
    const nodes = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => network.start(name, { routing: { strategy } })),
    );
    const [a, b, c, d] = nodes;
    if (!a || !b || !c || !d) throw new Error('four nodes');
    await connect(a, b);
    await connect(b, c);
    await connect(c, d);
    const wayTo = async (from: typeof a, to: typeof a) =>
      (await from.client.routes()).find(({ peer }) => peer === to.id);
    await eventually('a knows the way to d, and d to a', async () => {
      const ways = await Promise.all([wayTo(a, d), wayTo(d, a)]);
      return ways.every((way) => way !== undefined);
    });
    expect(await wayTo(a, d)).toMatchObject({
      name: 'd',
      next: b.id,
      nextName: 'b',
      distance: 3,
      rule: strategy,
    });
    expect(await wayTo(d, a)).toMatchObject({
      name: 'a',
      next: c.id,
      nextName: 'c',
      distance: 3,
      rule: strategy,
    });
    await c.client.disconnect(d.id);
    await eventually('a knows no way to d any more', async () => (await wayTo(a, d)) === undefined, 5_000);
    expect(await wayTo(a, c)).toMatchObject({ distance: 2 });
    await connect(a, d);
    await eventually('c reaches d over b and a', async () => (await wayTo(c, d))?.distance === 3);
  },
);

test('routes are exchanged also where programs may send each other less than they take', async () => {
  await using network = new TestNetwork();
  const limits = { maxPayloadBytes: 10 };
  const start = (name: string) => network.start(name, { limits });
  const [a, b, c] = await Promise.all([start('a'), start('b'), start('c')]);
  await connect(a, b);
  await connect(b, c);
  await eventually('a knows the way to c', async () =>
    (await a.client.routes()).some(({ peer }) => peer === c.id),
  );
});

test('top counts the adverts that a neighbour has forged, and nothing is made of them', async () => {
  await using network = new TestNetwork();
  const bob = await network.start('bob');
  await using mallory = await RawPeer.start();
  const calls = await RawCalls.open(await mallory.enter(network.name, bob.address));
  const zoe = await peerIdOf(await generateSecret());
  const entries = [{ origin: zoe, sequence: 1, distance: 1, advert: advertOf(zoe, 1), ageMs: 0 }];
  const data = encodeExchange({ epoch: 1, base: 0, version: 1, ack: 1, entries, requests: [] });
  calls.send({
    type: FrameType.open,
    flags: END_MESSAGE | END_STREAM,
    call: 1,
    timeoutMs: 5_000,
    totalBytes: data.length,
    service: ROUTES_SERVICE,
    data,
  });
  await eventually('the exchange is answered', async () => calls.received.length > 0);
  const { counters } = await bob.client.top();
  expect(counters).toContainEqual({ name: 'forged adverts', count: 1 });
  expect(await bob.client.routes()).toEqual([]);
});

test('a program of any peer can tell routes for what is no peer id: they are refused, next door and far away', async () => {
  await using network = new TestNetwork();
  const [a, b, c] = await network.chain();
  const entries = [{ origin: 'x', sequence: 1, distance: 1, advert: advertOf('x', 1), ageMs: 0 }];
  const payload = encodeExchange({ epoch: 1, base: 0, version: 1, ack: 1, entries, requests: [] });
  const tell = (to: string) => a.client.request(to, payload, { service: ROUTES_SERVICE, timeoutMs: 5_000 });
  await expect(tell(b.id)).rejects.toMatchObject({ code: 'invalid' });
  await expect(tell(c.id)).rejects.toMatchObject({ code: 'no-handler' });
  const malformed = await Promise.all(
    [a, b, c].map(async ({ client }) => {
      const { counters } = await client.top();
      return counters.find(({ name }) => name === 'malformed exchanges of routes')?.count;
    }),
  );
  expect(malformed).toEqual([0, 1, 0]);
  expect((await a.client.ping(c.id)).rttMs).toBeGreaterThan(0);
});
