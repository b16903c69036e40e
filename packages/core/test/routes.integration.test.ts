import { expect, test } from 'vitest';
import { connect, eventually, TestNetwork } from './support/nodes.ts';

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
