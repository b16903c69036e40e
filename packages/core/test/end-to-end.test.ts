import { expect, test } from 'vitest';
import { Simulation } from '../src/simulation/simulation.ts';
import { CoreActor, describeWire, identityOf, type Wire } from './support/core-actor.ts';

test('neighbours of a simulated network of whole nodes answer each other', async () => {
  const network = new Simulation<Wire, CoreActor>(1, {}, describeWire);
  const [alice, bob] = await Promise.all([identityOf('alice'), identityOf('bob')]);
  for (const identity of [alice, bob]) network.add(identity.id, (world) => new CoreActor(world, identity));
  network.link(alice.id, bob.id);
  network.run(500);
  const outcome = network.actor(alice.id).request(bob.id, 'hello');
  network.run(10_000, () => outcome.value !== undefined || outcome.error !== undefined);
  expect(outcome.error).toBeUndefined();
  expect(Buffer.from(outcome.value as Uint8Array).toString()).toBe('hello');
  expect(outcome.path).toEqual([{ peer: bob.id, name: 'bob' }]);
  expect(network.actor(bob.id).asked).toEqual([{ peer: alice.id, payload: 'hello' }]);
});
