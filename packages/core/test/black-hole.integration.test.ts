import type { PeerRef } from '@peerd/protocol';
import { expect, test, vi } from 'vitest';
import { bytes, connect, eventually, TestNetwork, type TestNode, text } from './support/nodes.ts';

/** Ids of nodes that say that they forward, tell their neighbours routes, and drop all packets that are for others. */
const holes = vi.hoisted(() => new Set<string>());

vi.mock('../src/forwarding/state.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../src/forwarding/state.ts')>();
  const { Head } = await import('../src/forwarding/codec.ts');
  const { keyOfPeer } = await import('../src/peer-keys.ts');
  class Hole extends original.ForwardingState {
    constructor(...made: ConstructorParameters<typeof original.ForwardingState>) {
      super(...made);
      const [, self] = made;
      const arrived = this.handlers['packet/arrived'];
      Object.assign(this.handlers, {
        'packet/arrived': (packet: Parameters<typeof arrived>[0]) => {
          const isForSelf = new Head(packet.frame.head).isFor(keyOfPeer(self) as Uint8Array);
          if (isForSelf || !holes.has(self)) arrived(packet);
        },
      });
    }
  }
  return { ...original, ForwardingState: Hole };
});

test.each(['table', 'source'] as const)(
  'routing by %s, a forwarder that drops everything is routed around, in both directions',
  async (strategy) => {
    await using network = new TestNetwork();
    const routing = { strategy };
    const [a, b, c, d] = (await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => network.start(name, { routing })),
    )) as [TestNode, TestNode, TestNode, TestNode];
    for (const [from, to] of [
      [a, b],
      [b, d],
      [a, c],
      [c, d],
    ] as const)
      await connect(from, to);
    await d.client.handle('', async ({ payload }) => payload);
    await eventually('a and d know of each other', async () => {
      const routes = await Promise.all([a.client.routes(), d.client.routes()]);
      return routes.every((known) => known.length === 3);
    });
    const paths: (readonly PeerRef[])[] = [];
    const ask = async (from: TestNode, to: TestNode, payload: string) =>
      text(await from.client.request(to.id, bytes(payload), { onPath: (path) => paths.push(path) }));
    expect(await ask(a, d, 'one')).toBe('one');
    const [hole] = paths[0] as [PeerRef];
    holes.add(hole.peer);
    expect(await ask(a, d, 'two')).toBe('two');
    expect(paths[1]?.map(({ peer }) => peer)).not.toContain(hole.peer);
    expect(paths[1]).toHaveLength(2);
    // And back, over the same session.
    await a.client.handle('', async ({ payload }) => payload);
    const other = hole.peer === b.id ? c : b;
    expect(await ask(d, a, 'three')).toBe('three');
    expect(paths[2]?.map(({ peer }) => peer)).toEqual([other.id, a.id]);
  },
);
