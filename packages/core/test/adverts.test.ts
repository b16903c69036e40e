import { describe, expect, test } from 'vitest';
import { routingSelf } from '../src/adverts.ts';
import { peerIdOf } from '../src/identity.ts';
import { Simulation } from '../src/simulation/simulation.ts';
import { CoreActor, describeWire, type Identity, identityOf, type Wire } from './support/core-actor.ts';
import { openPolicy } from './support/core-config.ts';

const secret = new Uint8Array(32).fill(7);
const key = new Uint8Array(32).fill(9);
const id = await peerIdOf(secret);
const selfOf = (name: string, encryptionKey = key, network = 'test') =>
  routingSelf({ name, policy: { network } }, id, secret, encryptionKey);
const isTaken = (advert: ReturnType<typeof selfOf>) =>
  selfOf('reader').isGenuine(advert.advertise(1, undefined));

describe('an advert that its origin has signed', () => {
  test('is taken, with a name and a key', () => {
    expect(isTaken(selfOf('alice'))).toBe(true);
  });

  test.each([
    ['a name that nobody may have', selfOf('al\u001b[31m\nice')],
    ['no name', selfOf('')],
    ['a name that would fill memory', selfOf('a'.repeat(64))],
    ['a key of another length', selfOf('alice', new Uint8Array(5))],
    ['another network', selfOf('alice', key, 'other')],
  ])('is refused with %s', (_, advert) => {
    expect(isTaken(advert)).toBe(false);
  });
});

test('a peer whose key nobody can agree with is not asked, and the others still are', async () => {
  const network = new Simulation<Wire, CoreActor>(1, {}, describeWire);
  const [alice, bob, mallory] = (await Promise.all(['alice', 'bob', 'mallory'].map(identityOf))) as [
    Identity,
    Identity,
    Identity,
  ];
  for (const identity of [alice, bob]) network.add(identity.id, (world) => new CoreActor(world, identity));
  const self = { name: 'mallory', policy: openPolicy };
  // Of small order: whatever key it is agreed with, zeros come of it.
  const routing = routingSelf(self, mallory.id, mallory.secret, new Uint8Array(32));
  network.add(mallory.id, (world) => new CoreActor(world, mallory, { routing }));
  network.link(alice.id, bob.id);
  network.link(bob.id, mallory.id);
  network.run(3_000);
  const ask = (peer: string) => {
    const outcome = network.actor(alice.id).request(peer, 'hello');
    network.run(20_000, () => outcome.value !== undefined || outcome.error !== undefined);
    return outcome;
  };
  for (let i = 0; i < 2; i += 1)
    expect(ask(mallory.id).error).toMatchObject({
      code: 'incompatible',
      message: `the encryption key that ${mallory.id} tells is none`,
    });
  expect(Buffer.from(ask(bob.id).value as Uint8Array).toString()).toBe('hello');
});
