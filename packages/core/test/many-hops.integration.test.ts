import { PeerdError, type PeerRef } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { Recording } from '../src/server/recording.ts';
import { bytes, connect, reachable, TestNetwork, type TestNode, text } from './support/nodes.ts';

/** A line of nodes, each connected to the next; the last is reachable for the first. */
async function line(network: TestNetwork, names: string, middle: Recording[] = []): Promise<TestNode[]> {
  const nodes = await Promise.all(
    [...names].map((name, i) => {
      const recorder = middle[i];
      return network.start(name, {}, recorder === undefined ? {} : { recorder });
    }),
  );
  for (const [i, node] of nodes.entries()) {
    const next = nodes[i + 1];
    if (next !== undefined) await connect(node, next);
  }
  const [first, last] = [nodes[0] as TestNode, nodes.at(-1) as TestNode];
  await reachable(first, last);
  await reachable(last, first);
  return nodes;
}

const codeOf = (failed: Promise<unknown>): Promise<string> =>
  failed.then(
    () => 'none',
    (error: PeerdError) => error.code,
  );

test('a request crosses two nodes, by id and by name, and its caller is told which', async () => {
  await using network = new TestNetwork();
  const [a, b, c, d] = (await line(network, 'abcd')) as [TestNode, TestNode, TestNode, TestNode];
  const asked: string[] = [];
  await d.client.handle('', async ({ payload, peer, peerName }) => {
    asked.push(`${peerName} ${peer}`);
    return bytes(`${text(payload)}!`);
  });
  const paths: (readonly PeerRef[])[] = [];
  const onPath = (path: readonly PeerRef[]) => paths.push(path);
  expect(text(await a.client.request(d.id, bytes('hi'), { onPath }))).toBe('hi!');
  expect(text(await a.client.request('d', bytes('ho'), { onPath }))).toBe('ho!');
  expect(asked).toEqual([`a ${a.id}`, `a ${a.id}`]);
  const path = [
    { peer: b.id, name: 'b' },
    { peer: c.id, name: 'c' },
    { peer: d.id, name: 'd' },
  ];
  expect(paths).toEqual([path, path]);
});

test('the other end asks back over the same session', async () => {
  await using network = new TestNetwork();
  const [a, , c] = (await line(network, 'abc')) as [TestNode, TestNode, TestNode];
  await a.client.handle('', async () => bytes('from a'));
  await c.client.handle('through', async () => await c.client.request(a.id, bytes('')));
  expect(text(await a.client.request(c.id, bytes(''), { service: 'through' }))).toBe('from a');
});

test('what is forwarded can be read by nobody between', async () => {
  await using network = new TestNetwork();
  const recording = new Recording();
  const nodes = await line(network, 'abc', [undefined as never, recording]);
  const [a, , c] = nodes as [TestNode, TestNode, TestNode];
  const secret = 'nobody but c is to read this';
  await c.client.handle('', async ({ payload }) => payload);
  expect(text(await a.client.request(c.id, bytes(secret)))).toBe(secret);
  const seen = JSON.stringify(recording.turns, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
  const hasPackets = seen.includes('"type":5,"call":0,"head"');
  expect({ hasPackets, isRead: seen.includes(secret) }).toEqual({ hasPackets: true, isRead: false });
});

test('refusals, missing handlers, timeouts and cancelling work over others as they do directly', async () => {
  await using network = new TestNetwork();
  const [a, , c] = (await line(network, 'abc')) as [TestNode, TestNode, TestNode];
  const aborted = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await c.client.handle('no', async () => {
    throw new PeerdError('refused', 'not today');
  });
  await c.client.handle('never', async ({ signal }) => {
    signal.addEventListener('abort', () => aborted.resolve());
    begun.resolve();
    return await new Promise<never>(() => {});
  });
  await expect(a.client.request(c.id, bytes(''), { service: 'no' })).rejects.toThrow('not today');
  expect(await codeOf(a.client.request(c.id, bytes(''), { service: 'nothing' }))).toBe('no-handler');
  expect(await codeOf(a.client.request(c.id, bytes(''), { service: 'never', timeoutMs: 200 }))).toBe(
    'timeout',
  );
  const controller = new AbortController();
  const call = a.client.request(c.id, bytes(''), { service: 'never', signal: controller.signal });
  await begun.promise;
  controller.abort();
  await expect(call).rejects.toThrow();
  await aborted.promise;
});

test('large payloads and streams of answers cross, many at once', async () => {
  await using network = new TestNetwork();
  const [a, , , d] = (await line(network, 'abcd')) as [TestNode, TestNode, TestNode, TestNode];
  await d.client.handle('', async ({ payload }) => payload);
  await d.client.handle('count', async function* ({ payload }) {
    for (let i = 0; i < 200; i += 1) yield bytes(`${text(payload)}${i}`);
  });
  const large = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 31) >> 2);
  const echoes = await Promise.all(Array.from({ length: 4 }, () => a.client.request(d.id, large)));
  for (const echo of echoes) expect(Buffer.compare(echo, large)).toBe(0);
  const counted: string[] = [];
  for await (const answer of a.client.requestStream(d.id, bytes('n'), { service: 'count' }))
    counted.push(text(answer));
  expect(counted).toEqual(Array.from({ length: 200 }, (_, i) => `n${i}`));
  const small = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => a.client.request(d.id, bytes(`${i}`))),
  );
  expect(small.map(text)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
});

test('a call in flight outlives the forwarder that it went over, where another way is left', async () => {
  await using network = new TestNetwork();
  const [a, b, c] = (await line(network, 'abc')) as [TestNode, TestNode, TestNode];
  const other = await network.start('e');
  await connect(a, other);
  await connect(other, c);
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await c.client.handle('', async () => {
    begun.resolve();
    await go.promise;
    return bytes('late');
  });
  const paths: (readonly PeerRef[])[] = [];
  const call = a.client.request(c.id, bytes(''), { onPath: (path) => paths.push(path) });
  await begun.promise;
  await b.stop();
  await reachable(a, c);
  go.resolve();
  expect(text(await call)).toBe('late');
  expect(text(await a.client.request(c.id, bytes(''), { onPath: (path) => paths.push(path) }))).toBe('late');
  expect(paths.at(-1)?.map(({ name }) => name)).toEqual(['e', 'c']);
});

test('a call ends when its other end is gone, and says so', async () => {
  await using network = new TestNetwork();
  const [a, , c] = (await line(network, 'abc')) as [TestNode, TestNode, TestNode];
  const begun = Promise.withResolvers<void>();
  await c.client.handle('', async () => {
    begun.resolve();
    return await new Promise<never>(() => {});
  });
  const call = codeOf(a.client.request(c.id, bytes('')));
  await begun.promise;
  await c.stop();
  expect(['stopped', 'disconnected']).toContain(await call);
  expect(await codeOf(a.client.request(c.id, bytes(''), { timeoutMs: 5_000 }))).toMatch(
    /unreachable|unknown-peer/,
  );
});

test('who is denied gets no answer over others either', async () => {
  await using network = new TestNetwork();
  const a = await network.start('a');
  const b = await network.start('b');
  const c = await network.start('c', { deny: [a.id] });
  await connect(a, b);
  await connect(b, c);
  await reachable(a, c);
  await c.client.handle('', async () => bytes('no'));
  const error = await a.client.request(c.id, bytes('')).catch((failure: PeerdError) => failure);
  expect(error).toMatchObject({ code: 'forbidden' });
  expect((error as PeerdError).message).toContain('deny list');
});
