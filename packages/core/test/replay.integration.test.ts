import { describe, expect, test } from 'vitest';
import type { CoreConfig } from '../src/server/core.ts';
import { Recording, replay } from '../src/server/recording.ts';
import {
  bytes,
  connect,
  eventually,
  failure,
  pattern,
  TestNetwork,
  type TestNode,
  text,
} from './support/nodes.ts';

const hang = { service: 'hang' };

async function serve({ client }: TestNode): Promise<void> {
  await client.handle('echo', ({ payload }) => payload);
  await client.handle('count', async function* ({ payload }) {
    for (let i = 0; i < Number(text(payload)); i += 1) yield pattern(20_000, i);
  });
  await client.handle('hang', () => new Promise(() => {}));
  await client.handle('one', async ({ payload }) => payload, { concurrency: 1 });
  await client.handle('shut', ({ payload }) => payload, { access: 'nobody' });
}

/** What two nodes may well do to each other. */
async function traffic(from: TestNode, to: TestNode): Promise<void> {
  const { client } = from;
  const echoed = Array.from({ length: 200 }, (_, i) =>
    client.request(to.name, pattern(i * 100), { service: 'echo' }),
  );
  const large = client.request(to.id, pattern(2_000_000), { service: 'echo' });
  for await (const _ of client.requestStream(to.id, bytes('40'), { service: 'count' }));
  for await (const _ of client.requestStream(to.id, bytes('1000'), { service: 'count' })) break;
  await Promise.all([...echoed, large]);
  const cancel = new AbortController();
  const cancelled = client.request(to.id, bytes('x'), { ...hang, signal: cancel.signal });
  cancel.abort(new Error('enough'));
  await expect(cancelled).rejects.toThrow('enough');
  expect((await failure(client.request(to.id, bytes('x'), { ...hang, timeoutMs: 50 }))).code).toBe('timeout');
  expect((await failure(client.request(to.id, bytes('x')))).code).toBe('no-handler');
  expect((await failure(client.request('nobody', bytes('x')))).code).toBe('unknown-peer');
  expect((await failure(client.request('/ip4/127.0.0.1/tcp/1', bytes('x')))).code).toBe('unreachable');
  await client.ping(to.id);
  // Three at a time for a handler that takes one: two wait, and one of them is called off.
  const queued = [1, 2].map(() => client.request(to.id, bytes('x'), { service: 'one' }));
  const third = new AbortController();
  const off = client.request(to.id, bytes('x'), { service: 'one', signal: third.signal });
  off.catch(() => {});
  await Promise.all([client.services(), client.topics(), client.top()]);
  third.abort(new Error('enough'));
  await Promise.all(queued);
  expect((await failure(client.request(to.id, bytes('x'), { service: 'shut' }))).code).toBe('forbidden');
}

describe('a run that was recorded', () => {
  test('comes to the same state when it is replayed', async () => {
    await using network = new TestNetwork();
    const recording = new Recording();
    const options = { discovery: 'on', firstBootstrapMs: 100, bootstrapIntervalMs: 200 } as const;
    const bob = await network.start('bob', { ...options, topics: ['news'] }, { recorder: recording });
    const alice = await network.start('alice', options);
    for (const node of [alice, bob]) await serve(node);
    await connect(alice, bob);
    await Promise.all([traffic(alice, bob), traffic(bob, alice)]);

    const heard = await bob.client.subscribe(['news', 'weather']);
    for (let i = 0; i < 20; i += 1) await alice.client.broadcast('news', bytes(`${i}`));
    for await (const { payload } of heard) if (text(payload) === '19') break;
    await bob.client.broadcast('nobody', bytes('x'), { allowNone: true });

    // One that comes, is asked and goes; and one that is not let in.
    const carol = await network.start('carol', options);
    await serve(carol);
    await connect(carol, bob);
    await Promise.all([traffic(bob, carol), traffic(carol, bob)]);
    const lost = failure(bob.client.request(carol.id, bytes('x'), hang));
    await carol.client.peers();
    await carol.stop();
    expect(['disconnected', 'unreachable']).toContain((await lost).code);
    const stranger = await network.start('stranger', { network: 'another' });
    expect((await failure(stranger.client.ping(bob.address))).code).toBe('forbidden');
    await eventually('the table is empty of who has gone', async () =>
      (await bob.client.peers()).every(({ id, connected }) => connected === (id === alice.id)),
    );

    // The connection is cut: one call is asked again, one is not.
    let asked = 0;
    const started = Promise.withResolvers<void>();
    await alice.client.handle('again', ({ payload }) => {
      asked += 1;
      if (asked > 2) return payload;
      if (asked === 2) started.resolve();
      return new Promise(() => {});
    });
    const again = bob.client.request(alice.id, bytes('x'), { service: 'again', idempotent: true });
    const once = failure(bob.client.request(alice.id, bytes('x'), { service: 'again' }));
    await started.promise;
    expect(await bob.client.disconnect(alice.id)).toBeGreaterThan(0);
    expect((await once).code).toBe('disconnected');
    expect(text(await again)).toBe('x');
    await bob.client.connect(alice.id);
    await bob.server.reconfigure({ network: network.name, ...options, services: { hang: 'open' } });

    // Some of it is still going on when the run ends.
    const open = [
      failure(alice.client.request(bob.id, bytes('x'), hang)),
      failure(bob.client.request(alice.id, bytes('x'), hang)),
    ];
    const waiting = failure(bob.client.broadcast('nobody', bytes('x'), { timeoutMs: 60_000 }));
    await alice.client.request(bob.id, bytes('x'), { service: 'echo' });
    await bob.client.request(alice.id, bytes('x'), { service: 'echo' });
    await bob.stop();
    await Promise.all([...open, waiting]);

    const { config, snapshot } = recording as { config: CoreConfig; snapshot: Record<string, unknown> };
    expect(recording.turns.length).toBeGreaterThan(100);
    expect(snapshot.request).toMatchObject({
      outbound: { calls: [expect.anything()] },
      inbound: { calls: [expect.anything()] },
    });
    expect(replay(config, recording).snapshot()).toEqual(snapshot);
    // The comparison has teeth: with one frame less the state is another.
    const turns = structuredClone(recording.turns);
    const frames = turns.flatMap(({ inputs }) => inputs).findLast(({ type }) => type === 'request/frames');
    (frames as unknown as { frames: unknown[] }).frames.pop();
    expect(replay(config, { startedMs: recording.startedMs, turns }).snapshot()).not.toEqual(snapshot);
  });
});
