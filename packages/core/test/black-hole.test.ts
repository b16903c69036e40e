import { beforeAll, describe, expect, test } from 'vitest';
import { Simulation } from '../src/simulation/simulation.ts';
import { CoreActor, describeWire, type Identity, identityOf, type Wire } from './support/core-actor.ts';
import { read } from './support/hostile-stage.ts';

const NODES = 10;

/** Within which a request has its answer, in ms, though whoever is on the best way to it drops all that is for others. */
const ANSWERED_MS = 15_000;

let identities: Identity[] = [];
beforeAll(async () => {
  identities = await Promise.all(Array.from({ length: NODES }, (_, i) => identityOf(`n${i}`)));
});

/** A ring with chords, in which every pair stays connected when one node is taken out. */
function networkOf(seed: number, strategy: 'table' | 'source'): Simulation<Wire, CoreActor> {
  const network = new Simulation<Wire, CoreActor>(seed, {}, describeWire);
  const routingSettings = { strategy, randomFallback: true, forward: 'network' } as const;
  for (const identity of identities)
    network.add(identity.id, (world) => new CoreActor(world, identity, { routingSettings }));
  const ids = identities.map(({ id }) => id);
  const link = (a: number, b: number) => network.link(ids[a % NODES] as string, ids[b % NODES] as string);
  for (let i = 0; i < NODES; i += 1) link(i, i + 1);
  for (let chord = 0; chord < 4; chord += 1) {
    const a = Math.floor(network.random() * NODES);
    link(a, a + 2 + Math.floor(network.random() * (NODES - 3)));
  }
  network.run(10_000);
  return network;
}

describe.each(['table', 'source'] as const)('routing by %s', (strategy) => {
  const seeds = Array.from({ length: Number(process.env.SEEDS ?? 20) }, (_, i) => i + 1);

  test.each(seeds)('a forwarder that drops everything is routed around: seed %i', (seed) => {
    const network = networkOf(seed, strategy);
    const [hole, ...others] = identities.map(({ id }) => id);
    network.actor(hole as string).tamper = (to, packet) =>
      read(packet).from === hole || read(packet).to === hole ? [[to, packet]] : [];
    for (let pair = 0; pair < 5; pair += 1) {
      const from = others[Math.floor(network.random() * others.length)] as string;
      const to = others[Math.floor(network.random() * others.length)] as string;
      if (from === to) continue;
      const outcome = network.actor(from).request(to, 'hello', 60_000);
      const answered = network.run(
        ANSWERED_MS,
        () => outcome.value !== undefined || outcome.error !== undefined,
      );
      expect({ answered, error: outcome.error?.message }, `${from} to ${to}`).toEqual({
        answered: true,
        error: undefined,
      });
      const path = [from, ...(outcome.path ?? []).map(({ peer }) => peer)];
      for (const [i, peer] of path.entries())
        if (i > 0) expect(network.isLinked(path[i - 1] as string, peer), `a link of ${path}`).toBe(true);
      expect(path).not.toContain(hole);
    }
  });
});
