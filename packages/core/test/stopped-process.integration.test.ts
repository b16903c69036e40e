import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { encodeSecret, generateSecret } from '../src/index.ts';
import { Child } from './support/child.ts';
import { bytes, failure, peerOf, TestNetwork, text } from './support/nodes.ts';

/** Longer than a garbage collection or a full disk holds a process up; less than the time of a liveness check. */
const STOPPED_MS = 10_000;

test('a peer whose process is stopped for 10 s loses no call, neither its own nor one to it', async () => {
  await using network = new TestNetwork();
  const alice = await network.start('alice');
  const asked = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Uint8Array>();
  await alice.client.handle('late', () => {
    asked.resolve();
    return late.promise;
  });
  const args = [network.name, 'bob', encodeSecret(await generateSecret()), alice.address];
  await using bob = new Child(new URL('./support/peer-process.ts', import.meta.url), args);
  const id = (await bob.line()).split('/').at(-1) as string;
  // Its call to a service that nobody has, made at the start, is not what this is about.
  expect(await bob.line()).toBe('ended no-handler');
  bob.send('ask late 5000');
  await asked.promise;

  bob.process.kill('SIGSTOP');
  const stopped = setTimeout(STOPPED_MS);
  const ask = (timeoutMs: number, payload = 'x') =>
    alice.client.request(id, bytes(payload), { service: 'echo', timeoutMs });
  const impatient = [1, 2, 3].map(() => failure(ask(1_000)));
  const patient = Promise.all(Array.from({ length: 100 }, (_, i) => ask(60_000, `call ${i}`)));
  for (const error of await Promise.all(impatient)) expect(error.code).toBe('timeout');
  // The answer is there in time, and lies in its socket until it runs again, long after the time of the call.
  late.resolve(bytes('x'));
  await stopped;
  bob.process.kill('SIGCONT');

  expect((await patient).map(text)).toEqual(Array.from({ length: 100 }, (_, i) => `call ${i}`));
  expect(await bob.line()).toBe('answered late');
  expect((await peerOf(alice, id))?.connected).toBe(true);
  expect(alice.log.lines.filter((line) => /disconnected|did not answer/.test(line))).toEqual([]);
}, 60_000);
