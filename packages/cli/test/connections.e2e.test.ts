import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { errorIn, type Result, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.make();
});
afterEach(() => sandbox.close());

const objects = ({ stdout }: Result) =>
  `${stdout}`
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('three daemons are told apart by name alone', async () => {
  const names = ['alice', 'bob', 'carol'];
  const daemons = [];
  for (const name of names) daemons.push(await sandbox.start(name));
  const status = await Promise.all(names.map((name) => sandbox.run(['status', '--json', '--name', name])));
  expect(status.map((each) => objects(each)[0].id)).toEqual(daemons.map(({ info }) => info.id));
  const unnamed = await sandbox.run(['status', '--json']);
  expect(errorIn(unnamed)).toMatchObject({ code: 'invalid', candidates: names });
  expect((await sandbox.run(['stop', '--name', 'bob'])).status).toBe(0);
  expect(errorIn(await sandbox.run(['status', '--json'])).candidates).toEqual(['alice', 'carol']);
  expect((await sandbox.run(['status', '--name', 'carol'])).status).toBe(0);
});

describe('stop', () => {
  test('ends when the daemon has let go of all that the next one needs', async () => {
    const first = await sandbox.start('alice');
    const address = first.info.addresses[0]?.replace(/\/p2p\/.*/, '') as string;
    const stopped = await sandbox.run(['stop', '--json', '--name', 'alice']);
    expect(objects(stopped)).toEqual([{ daemon: 'alice', id: first.info.id }]);
    expect(undocumented('peerd stop', stopped.stdout)).toEqual([]);
    // With the same name, data directory and port.
    const second = await sandbox.start('alice', ['--listen', address]);
    expect(second.info).toMatchObject({ id: first.info.id, addresses: first.info.addresses });
    expect((await first.ended).status).toBe(0);
    await expect(lstat(second.info.socket)).resolves.toBeDefined();
  });

  test('a daemon that does not end in time: exit 6', async () => {
    const alice = await sandbox.start('alice');
    const never = await sandbox.run(['stop', '--timeout', '0ms', '--json']);
    expect(never.status).toBe(6);
    expect(errorIn(never)).toMatchObject({ code: 'timeout', message: expect.stringContaining('alice') });
    expect((await alice.ended).status).toBe(0);
  });

  test('there is none to stop: exit 8', async () => {
    expect((await sandbox.run(['stop'])).status).toBe(8);
  });
});

test('connect makes a connection, disconnect closes it and it stays closed', async () => {
  const [alice, bob] = [
    await sandbox.start('alice', ['--discovery', 'off']),
    await sandbox.start('bob', ['--discovery', 'off']),
  ];
  const [address] = alice.info.addresses;
  const connected = await sandbox.run(['connect', address as string, '--json', '--name', 'bob']);
  expect(objects(connected)).toEqual([{ peer: alice.info.id, name: 'alice', address: expect.any(String) }]);
  expect(undocumented('peerd connect', connected.stdout)).toEqual([]);
  const again = await sandbox.run(['connect', 'alice', '--name', 'bob']);
  expect(`${again.stdout}`).toContain(`connected to alice, /ip4/127.0.0.1/tcp/`);

  const peersOf = async (name: string) => objects(await sandbox.run(['peers', '--json', '--name', name]));
  expect(await peersOf('alice')).toMatchObject([{ id: bob.info.id, connected: true }]);
  const closed = await sandbox.run(['disconnect', 'alice', '--json', '--name', 'bob']);
  expect(objects(closed)).toEqual([{ peer: 'alice', connections: 1 }]);
  expect(undocumented('peerd disconnect', closed.stdout)).toEqual([]);
  expect(closed.stderr).toBe('');
  expect(await peersOf('bob')).toMatchObject([{ id: alice.info.id, connected: false }]);
  expect((await sandbox.run(['connect', 'alice', '--name', 'bob'])).status).toBe(0);
  const told = await sandbox.run(['disconnect', 'alice', '--name', 'bob']);
  expect(told).toMatchObject({ status: 0, stdout: Buffer.from('closed 1 connection to alice\n') });
  expect(told.stderr).toMatch(/dial in again at once: .* deny /);
  const none = await sandbox.run(['disconnect', 'alice', '--name', 'bob']);
  expect(none).toMatchObject({
    status: 0,
    stdout: Buffer.from('there was no connection to alice\n'),
    stderr: '',
  });
  expect((await sandbox.run(['disconnect', 'nobody', '--name', 'bob'])).status).toBe(5);
  expect((await sandbox.run(['connect', 'nobody', '--name', 'bob'])).status).toBe(5);
});

test('topics lists what is heard here and at connected peers', async () => {
  await sandbox.pair();
  const listeners = ['alice', 'bob'].map((name) =>
    sandbox.spawn(['subscribe', 'news', ...(name === 'bob' ? ['weather'] : []), '--name', name]),
  );
  await Promise.all(listeners.map((each) => each.says('hearing')));
  const listed = async () => objects(await sandbox.run(['topics', '--json', '--name', 'alice']));
  await expect.poll(listed, { timeout: 10_000 }).toEqual([
    { topic: 'news', subscriptions: 1, peers: 1 },
    { topic: 'weather', subscriptions: 0, peers: 1 },
  ]);
  expect(
    undocumented('peerd topics', (await sandbox.run(['topics', '--json', '--name', 'bob'])).stdout),
  ).toEqual([]);
  const text = await sandbox.run(['topics', '--name', 'alice']);
  expect(`${text.stdout}`).toBe('1  1  news\n0  1  weather\n');
});

test('routes lists who can be reached over others, and no longer once one on the way was killed', async () => {
  const alone = ['--discovery', 'off'];
  const started = [await sandbox.start('alice', alone)];
  for (const name of ['bob', 'carol', 'dave']) {
    const before = started.at(-1)?.info.addresses[0] as string;
    started.push(await sandbox.start(name, [...alone, '--peer', before]));
  }
  const routes = () => sandbox.run(['routes', '--json', '--name', 'alice']);
  const listed = async () =>
    objects(await routes()).map(({ name, nextName, distance }) => [name, nextName, distance]);
  await expect.poll(listed, { timeout: 20_000 }).toEqual([
    ['bob', 'bob', 1],
    ['carol', 'bob', 2],
    ['dave', 'bob', 3],
  ]);
  expect(undocumented('peerd routes', (await routes()).stdout)).toEqual([]);
  const text = `${(await sandbox.run(['routes', '--name', 'alice'])).stdout}`.split('\n');
  expect(text[2]).toMatch(/^12D3\S+ {2}dave +bob {2}3 {2}table {2}\d+ s$/);
  await started[2]?.kill('SIGKILL');
  await expect.poll(listed, { timeout: 10_000 }).toEqual([['bob', 'bob', 1]]);
  await sandbox.run(['stop', '--name', 'bob']);
  const none = await sandbox.run(['routes', '--name', 'alice']);
  expect(none.stderr).toBe('no peer can be reached: none is connected\n');
});

test('routes --watch prints each change, and goes on when the daemon is back', async () => {
  const alone = ['--discovery', 'off'];
  const bob = await sandbox.start('bob', alone);
  const toBob = [...alone, '--peer', bob.info.addresses[0] as string];
  const carol = await sandbox.start('carol', toBob);
  const alice = await sandbox.start('alice', toBob);
  const args = ['routes', '--watch', '--interval', '100ms', '--name', 'alice'];
  const watch = sandbox.spawn([...args, '--json'], { stdin: '' });
  const text = sandbox.spawn(args, { stdin: '' });
  const next = async (event: string, about: object) => {
    for (;;) {
      const told = JSON.parse(await watch.line());
      if (told.event === event && told.name !== 'bob') return expect(told).toMatchObject(about);
    }
  };
  const printed = async (line: RegExp) => {
    while (!line.test(await text.line()));
  };
  const { id: peer } = carol.info;
  await next('watching', { daemon: 'alice' });
  await next('route-found', { peer, name: 'carol', nextName: 'bob', distance: 2, rule: 'table' });
  await printed(/^\d\d:\d\d:\d\d\.\d{3} {2}route-found {4}12D3\S+ {2}carol {2}over bob, 2 links$/);
  await sandbox.run(['connect', carol.info.addresses[0] as string, '--name', 'alice']);
  await next('route-changed', { peer, nextName: 'carol', distance: 1 });
  await printed(/ route-changed {2}12D3\S+ {2}carol {2}connected, was over bob, 2 links$/);
  await carol.kill('SIGKILL');
  await next('route-lost', { peer });
  await printed(/ route-lost {5}12D3\S+ {2}carol {2}was /);
  await alice.kill('SIGKILL');
  await next('lost', {});
  await sandbox.start('alice', toBob);
  await next('restored', { daemon: 'alice' });
  const { status, stdout } = await watch.kill('SIGINT');
  expect(status).toBe(0);
  expect(undocumented('peerd routes', stdout)).toEqual([]);
});

test('an interval without --watch, or one that is no pause, is refused: exit 2', async () => {
  const alone = await sandbox.run(['routes', '--interval', '1s', '--json']);
  expect(errorIn(alone)).toMatchObject({ code: 'usage', message: expect.stringContaining('--watch') });
  const short = await sandbox.run(['routes', '--watch', '--interval', '0s', '--json']);
  expect(errorIn(short)).toEqual({ code: 'invalid', message: '--interval is 0ms: expected 100ms or more' });
  expect([alone.status, short.status]).toEqual([2, 2]);
});

test('peers lists those of the configuration that are not reached, and says why', async () => {
  const alice = await sandbox.start('alice', ['--discovery', 'off']);
  const { id } = alice.info;
  const nowhere = `/ip4/127.0.0.1/tcp/1/p2p/${id}`;
  const bob = await sandbox.start('bob', [
    '--discovery',
    'off',
    '--peer',
    nowhere,
    '--peer',
    `/ip4/127.0.0.1/tcp/3/p2p/${id}`,
    '--peer',
    '/ip4/127.0.0.1/tcp/2',
  ]);
  const peersOfBob = () => sandbox.run(['peers', '--json', '--name', 'bob']);
  const errors = async () => objects(await peersOfBob()).map(({ error }) => error?.code);
  await expect.poll(errors, { timeout: 20_000 }).toEqual(['unreachable', 'unreachable']);
  const json = await peersOfBob();
  expect(undocumented('peerd peers', json.stdout)).toEqual([]);
  expect(objects(json)).toMatchObject([
    { event: 'unreached', id, address: expect.stringContaining(id) },
    { event: 'unreached', id: null, address: '/ip4/127.0.0.1/tcp/2' },
  ]);
  const text = await sandbox.run(['peers', '--name', 'bob']);
  // One row a peer, whatever the number of its addresses: it has the one that failed last.
  expect(`${text.stdout}`.replace('/tcp/3/', '/tcp/1/')).toBe(
    `${id}  -  unreached  ${nowhere}\n${'-'.padEnd(id.length)}  -  unreached  /ip4/127.0.0.1/tcp/2\n`,
  );
  const line =
    /^\/ip4\/127\.0\.0\.1\/tcp\/2 can't be connected to: .+ \(unreachable\); (dialled again in [\d.]+ (s|min .*)|being dialled)$/m;
  expect(text.stderr).toMatch(line);
  const status = await sandbox.run(['status', '--name', 'bob']);
  expect(`${status.stdout}`).toContain('0 connected, 0 known, 2 unreached (peerd peers says why)');
  // Known or not, it is one row, and once it is connected nothing is said of it.
  await sandbox.run(['connect', bob.info.addresses[0] as string, '--name', 'alice']);
  const connected = objects(await peersOfBob());
  expect(connected).toMatchObject([
    { id, connected: true },
    { event: 'unreached', id: null },
  ]);
  // Those that are known are told of as ever: what is new of them is in the other objects.
  expect(Object.keys(connected[0] ?? {})).toEqual(['id', 'name', 'connected', 'kind', 'inDht', 'addresses']);
  expect((await sandbox.run(['peers', '--name', 'bob'])).stderr).not.toContain(id);
});

test('where two peers have one name, the answer to it has the ids that tell them apart, a line each', async () => {
  const { alice, bob } = await sandbox.pair();
  const own = ['--socket', join(sandbox.folder, 'other.sock'), '--data', join(sandbox.folder, 'other')];
  const other = await sandbox.start('bob', [...own, '--peer', alice.info.addresses[0] as string]);
  const ask = () => sandbox.run(['request', 'bob', 'hi', '--name', 'alice']);
  await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(2);
  const [said, ...ids] = (await ask()).stderr.trimEnd().split('\n');
  expect(said).toBe('peerd: bob fits 2 peers: say which by its id (invalid)');
  expect(ids.sort()).toEqual([bob.info.id, other.info.id].map((id) => `  ${id}`).sort());
});

test.each([
  ['127.0.0.1:4001', 'did you mean /ip4/127.0.0.1/tcp/4001?'],
  ['localhost:4001', 'did you mean /dns/localhost/tcp/4001?'],
  ['/ip4/127.0.0.1', '"/ip4/127.0.0.1" has no port: expected an address such as /ip4/127.0.0.1/tcp/4001'],
])('connect to %s, which is no address, is told what would be one', async (address, hint) => {
  await sandbox.start('alice', ['--discovery', 'off']);
  const error = errorIn(await sandbox.run(['connect', address, '--json']));
  expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining(hint) });
});
