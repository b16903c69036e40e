import { describe, expect, test } from 'vitest';
import type { CoreConfig } from '../src/server/core.ts';
import { Recording, replay } from '../src/server/recording.ts';
import { bytes, connect, eventually, failure, TestNetwork, type TestNode, text } from './support/nodes.ts';

type Routing = Parameters<TestNetwork['start']>[1];

/** Three nodes, the second connected to both others, which know of each other. */
async function threeOf(
  network: TestNetwork,
  options: Routing,
  recordings: readonly Recording[] = [],
): Promise<[TestNode, TestNode, TestNode]> {
  const [a, b, c] = (await Promise.all(
    ['ada', 'ben', 'cleo'].map((name, i) => {
      const recorder = recordings[i];
      return network.start(name, options, recorder === undefined ? {} : { recorder });
    }),
  )) as [TestNode, TestNode, TestNode];
  await connect(a, b);
  await connect(b, c);
  for (const [from, to] of [
    [a, c],
    [c, a],
  ] as const)
    await eventually(`${from.name} knows a way to ${to.name}`, async () =>
      (await from.client.routes()).some(({ peer }) => peer === to.id),
    );
  return [a, b, c];
}

describe.each(['table', 'source'] as const)('with routing by %s, over real connections', (strategy) => {
  test('a trace names who is between, by id and by name, from both ends', async () => {
    await using network = new TestNetwork();
    const [a, b, c] = await threeOf(network, { routing: { strategy } });
    for (const peer of [c.id, 'cleo']) {
      const trace = await a.client.trace(peer);
      expect(trace).toMatchObject({
        peer: c.id,
        name: 'cleo',
        hops: [
          { hop: 1, peer: b.id, name: 'ben' },
          { hop: 2, peer: c.id, name: 'cleo' },
        ],
      });
      for (const { rttMs } of trace.hops) expect(rttMs).toBeGreaterThan(0);
    }
    const back = await c.client.trace('ada');
    expect(back.hops.map(({ peer }) => peer)).toEqual([b.id, a.id]);
    // Nobody had anything to drop.
    for (const { client } of [a, b, c]) {
      const { counters } = await client.top();
      expect(counters.filter(({ count }) => count > 0)).toEqual([]);
    }
  });

  test('what was recorded at the ends and between comes to the same state when it is replayed', async () => {
    await using network = new TestNetwork();
    const recordings = ['a', 'b', 'c'].map(() => new Recording());
    const [a, b, c] = await threeOf(network, { routing: { strategy } }, recordings);
    await c.client.handle('echo', ({ payload }) => payload);
    const answers = Array.from({ length: 50 }, (_, i) =>
      a.client.request('cleo', bytes(`${i}`), { service: 'echo' }),
    );
    expect((await Promise.all(answers)).map(text)).toEqual(answers.map((_, i) => `${i}`));
    await Promise.all([a.client.trace('cleo'), c.client.trace('ada'), b.client.trace('ada')]);
    // One that goes on when the node ends.
    const left = failure(a.client.request('cleo', bytes('x'), { service: 'hang' }));
    await Promise.all([a.stop(), b.stop(), c.stop()]);
    await left;
    for (const recording of recordings) {
      const { config, snapshot } = recording as { config: CoreConfig; snapshot: Record<string, unknown> };
      expect(replay(config, recording).snapshot()).toEqual(snapshot);
    }
  });
});

test('over who forwards for nobody there is no way, and nothing is handed to it', async () => {
  await using network = new TestNetwork();
  const [a, b, c] = await Promise.all([
    network.start('ada'),
    network.start('ben', { routing: { forward: 'nobody' } }),
    network.start('cleo'),
  ]);
  await connect(a, b);
  await connect(b, c);
  await eventually('ada has a route to ben', async () =>
    (await a.client.routes()).some(({ peer }) => peer === b.id),
  );
  expect((await a.client.trace('ben')).hops.map(({ peer }) => peer)).toEqual([b.id]);
  expect((await failure(a.client.trace(c.id, { timeoutMs: 2_000 }))).code).toBe('unreachable');
  const { counters } = await b.client.top();
  expect(counters.filter(({ count }) => count > 0)).toEqual([]);
});
