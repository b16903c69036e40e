import { expect, test } from 'vitest';
import { Simulation } from '../src/simulation/simulation.ts';
import { CoreActor, describeWire, identityOf, type Wire } from './support/core-actor.ts';
import { HostileStage } from './support/hostile-stage.ts';

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

test('a peer that was restarted says that it knows no session, and the call goes on in a new one', async () => {
  const stage = await HostileStage.of();
  expect(stage.ask('one')).toBe('one');
  const [alice, bob] = [stage.id('alice'), stage.id('bob')];
  const told = stage.watch('alice', 'seal/received');
  const ended = stage.watch('alice', 'session/closed');
  stage.network.crash(bob);
  stage.network.restart(bob);
  stage.link('bob', 'mallory');
  // Less than routes, or a session that hears nothing, take to be given up.
  stage.run(1_000);
  expect(ended).toEqual([]);
  const outcome = stage.actor('alice').request(bob, 'two', 4_000, true);
  stage.run(4_000, () => outcome.value !== undefined || outcome.error !== undefined);
  expect(outcome.error).toBeUndefined();
  expect(Buffer.from(outcome.value as Uint8Array).toString()).toBe('two');
  expect(told).toMatchObject([{ from: bob, purpose: 'session-unknown' }]);
  expect(ended.length).toBe(1);
  expect(stage.actor('bob').asked).toEqual([{ peer: alice, payload: 'two' }]);
});
