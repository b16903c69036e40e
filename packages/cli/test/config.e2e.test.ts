import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorIn, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let file: string;
beforeEach(async () => {
  sandbox = await Sandbox.make();
  file = join(sandbox.folder, 'peerd.toml');
});
afterEach(() => sandbox.close());

test('config check says ok, and of which file', async () => {
  await writeFile(file, 'name = "alice"\n');
  const result = await sandbox.run(['config', 'check', '--config', file], { env: { PEERD_LISTN: 'x' } });
  expect(result).toMatchObject({ status: 0, stdout: Buffer.from(`ok: ${file}\n`) });
  expect(result.stderr).toContain('warning: the variable PEERD_LISTN means nothing to peerd');
});

test('config check tells every mistake with its place: exit 2', async () => {
  await writeFile(file, 'mdns = 1\nlistn = []\n');
  const args = ['config', 'check', '--config', file, '--peer', 'bob', '--json'];
  const result = await sandbox.run(args, { env: { PEERD_LIMITS_MAX_QUEUED_BYTES: 'many' } });
  expect(result.status).toBe(2);
  expect(errorIn(result)).toMatchObject({ code: 'invalid' });
  expect(errorIn(result).message.split('\n')).toEqual([
    `${file}:1: mdns: expected true or false, found 1`,
    `${file}:2: unknown key listn: did you mean listen?`,
    'PEERD_LIMITS_MAX_QUEUED_BYTES: limits.max_queued_bytes: expected a whole number, found "many"',
    expect.stringContaining('--peer: peers[0]: "bob" is not a multiaddr'),
  ]);
});

test('config show tells where each value comes from, and no secret', async () => {
  await writeFile(file, 'network = "home"\nnetwork_secret = "swordfish"\n');
  const args = ['config', 'show', '--config', file, '--listen', '/ip4/127.0.0.1/tcp/1'];
  const options = { env: { PEERD_PROFILE: 'lan' } };
  const text = await sandbox.run(args, options);
  const { stdout } = await sandbox.run([...args, '--json'], options);
  const { file: read, values } = JSON.parse(stdout.toString());
  expect(read).toBe(file);
  expect(values).toEqual(
    expect.arrayContaining([
      { key: 'network', value: 'home', source: `${file}:1` },
      { key: 'network_secret', value: null, source: `${file}:2`, redacted: true },
      { key: 'profile', value: 'lan', source: 'PEERD_PROFILE' },
      { key: 'listen', value: ['/ip4/127.0.0.1/tcp/1'], source: '--listen' },
      { key: 'limits.max_outbound_calls', value: 16_384, source: 'default' },
    ]),
  );
  expect(text.stdout.toString().trim().split('\n')).toHaveLength(values.length);
  expect(text.stdout.toString()).toMatch(/^network_secret +\(secret\) +.*peerd\.toml:2$/m);
  expect(`${text.stdout}${text.stderr}${stdout}`).not.toContain('swordfish');
});

test('a daemon reads its file by its name, and says what it warns of', async () => {
  const env = { XDG_CONFIG_HOME: sandbox.folder };
  await mkdir(join(sandbox.folder, 'peerd'));
  await writeFile(join(sandbox.folder, 'peerd', 'alice.toml'), 'data = "state"\n');
  const alice = await sandbox.start('alice', [], { env: { ...env, PEERD_BOGUS: '1' } });
  expect(alice.info.data).toBe(join(sandbox.folder, 'peerd', 'state'));
  await alice.says('PEERD_BOGUS means nothing');
});

test('status tells the process, the places and the file of each of several daemons', async () => {
  const env = { XDG_CONFIG_HOME: sandbox.folder };
  await mkdir(join(sandbox.folder, 'peerd'));
  await writeFile(file, '');
  // Relative to where the daemon was started, which is not where it is asked.
  const alice = await sandbox.start('alice', ['--config', 'peerd.toml', '--data', 'of-alice'], { env });
  const routing = { strategy: 'source', forward: 'nobody' };
  const flags = ['--routing-strategy', routing.strategy, '--routing-forward', routing.forward];
  const bob = await sandbox.start('bob', flags, { env });
  const statusOf = async (name: string) =>
    JSON.parse((await sandbox.run(['status', '--name', name, '--json'])).stdout.toString());
  const { socket } = alice.info;
  const data = join(sandbox.folder, 'of-alice');
  expect(await statusOf('alice')).toMatchObject({ pid: alice.pid, socket, data, config: file });
  expect(await statusOf('bob')).toMatchObject({ pid: bob.pid, data: bob.info.data, config: null, routing });
  const text = (await sandbox.run(['status', '--name', 'alice'])).stdout.toString().split('\n');
  const rows = [
    `pid        ${alice.pid}`,
    `socket     ${socket}`,
    `data       ${data}`,
    `config     ${file}`,
    'routing    by table, forwards for peers of its network',
  ];
  expect(text).toEqual(expect.arrayContaining(rows));
  const bobs = (await sandbox.run(['status', '--name', 'bob'])).stdout.toString();
  expect(bobs).toMatch(/^routing {4}by source, forwards for nobody$/m);
  // A file that was made since, and is read from now on.
  const later = join(sandbox.folder, 'peerd', 'bob.toml');
  await writeFile(later, 'log_level = "error"\n');
  expect((await sandbox.run(['config', 'reload', '--name', 'bob'])).status).toBe(0);
  expect((await statusOf('bob')).config).toBe(later);
});
