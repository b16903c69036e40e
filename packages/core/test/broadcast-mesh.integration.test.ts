import type { Subscription } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { bytes, connect, TestNetwork, type TestNode, text } from './support/nodes.ts';
import { WireTap } from './support/wire-tap.ts';

async function startAll(network: TestNetwork, count: number): Promise<TestNode[]> {
  return await Promise.all(Array.from({ length: count }, (_, index) => network.start(`node-${index}`)));
}

async function connectRing(nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map((node, index) => connect(node, nodes[(index + 1) % nodes.length] as TestNode)));
}

async function connectAll(nodes: readonly TestNode[]): Promise<void> {
  for (const [index, node] of nodes.entries())
    await Promise.all(nodes.slice(index + 1).map((other) => connect(node, other)));
}

async function connectToFirst([first, ...others]: readonly TestNode[]): Promise<void> {
  for (const other of others) await connect(other, first as TestNode);
}

/** What one node hears, kept as it comes. */
class Ear {
  readonly heard: string[] = [];
  #waiting: (() => void) | undefined;

  constructor(subscription: Subscription) {
    void (async () => {
      for await (const { payload } of subscription) {
        this.heard.push(text(payload));
        this.#waiting?.();
      }
    })();
  }

  async has(count: number): Promise<void> {
    while (this.heard.length < count)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
  }
}

/** Each node broadcasts, in rounds, for longer than two of GossipSub's heartbeats: what it repeats shows by then. */
async function broadcastRounds(nodes: readonly TestNode[], atLeastMs: number): Promise<void> {
  const subscriptions = await Promise.all(nodes.map((node) => node.client.subscribe('news')));
  const ears = subscriptions.map((subscription) => new Ear(subscription));
  const startedMs = performance.now();
  let rounds = 0;
  do {
    await Promise.all(nodes.map((node) => node.client.broadcast('news', bytes(`${rounds} of ${node.name}`))));
    rounds += 1;
    await Promise.all(ears.map((ear) => ear.has(rounds * (nodes.length - 1))));
  } while (performance.now() - startedMs < atLeastMs);
  for (const [index, ear] of ears.entries()) {
    const others = nodes.filter((node) => node !== nodes[index]);
    const all = Array.from({ length: rounds }, (_, round) =>
      others.map(({ name }) => `${round} of ${name}`),
    ).flat();
    expect(ear.heard.toSorted()).toEqual(all.toSorted());
  }
}

test.each([
  ['a ring of six', 6, connectRing],
  ['a full mesh of six', 6, connectAll],
])(
  'in %s each node hears each message once, and sends it to no neighbour twice',
  async (_, count, connectThem) => {
    await using tap = await WireTap.install();
    await using network = new TestNetwork();
    const nodes = await startAll(network, count);
    await connectThem(nodes);
    await broadcastRounds(nodes, 2_500);
    expect(tap.sent.size).toBeGreaterThan(0);
    expect(tap.repeated).toEqual([]);
  },
);

// GossipSub takes more than ten neighbours on one address for one attacker, unless it is told otherwise.
test.each([
  ['connected to each other', connectAll],
  ['around one in the middle, which passes everything on', connectToFirst],
])('fourteen nodes on one address all hear each other, %s', async (_, connectThem) => {
  await using network = new TestNetwork();
  const nodes = await startAll(network, 14);
  await connectThem(nodes);
  await broadcastRounds(nodes, 0);
});

test('a broadcast crosses a chain of nodes, the far end of which knows nothing of the sender', async () => {
  await using network = new TestNetwork();
  const nodes = await startAll(network, 5);
  for (const [index, node] of nodes.slice(1).entries()) await connect(node, nodes[index] as TestNode);
  await broadcastRounds(nodes, 0);
  const [first, last] = [nodes[0] as TestNode, nodes.at(-1) as TestNode];
  expect((await last.client.peers()).map(({ id }) => id)).not.toContain(first.id);
});
