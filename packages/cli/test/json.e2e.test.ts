import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.make();
  await sandbox.pair();
});
afterAll(() => sandbox.close());

/** Runs a command with `--json`, and says in what its output is not as documented. */
async function printed(line: string, name = 'bob'): Promise<string[]> {
  const args = line.split(' ');
  const { status, stdout } = await sandbox.run([...args, '--json', '--name', name]);
  if (status !== 0) return [`it failed: ${stdout}`];
  const words = ['config', 'identity'].includes(args[0] ?? '') ? 2 : 1;
  return undocumented(`peerd ${args.slice(0, words).join(' ')}`, stdout);
}

test.each([
  'status',
  'peers',
  'ping alice',
  'trace alice',
  'keygen',
  'broadcast void x --allow-none',
  'config check',
  'config show',
  'config reload',
  'identity show',
  'demo',
])('peerd %s --json is as documented', async (line) => {
  expect(await printed(line)).toEqual([]);
});

test('peerd identity import --json is as documented', async () => {
  const env = { PEERD_PASSPHRASE: 'a long enough phrase' };
  const file = join(sandbox.folder, 'bob.identity');
  const exported = await sandbox.run(['identity', 'export', '--name', 'bob', '--output', file], { env });
  expect(exported.status).toBe(0);
  const imported = await sandbox.run(['identity', 'import', file, '--name', 'twin', '--json'], { env });
  expect(undocumented('peerd identity import', imported.stdout)).toEqual([]);
  expect(imported.status).toBe(0);
});

test('peerd logs --json is as documented', async () => {
  await sandbox.start('dora', ['--log-level', 'info']);
  expect(await printed('logs -n 1', 'dora')).toEqual([]);
});

test.each([
  'request nobody x',
  'request',
  'reply',
  'ping nobody',
  'status extra',
  'broadcast void x --timeout 1ms',
])('peerd %s --json fails with one documented object', async (line) => {
  const { status, stdout } = await sandbox.run([...line.split(' '), '--json', '--name', 'bob']);
  expect(status).not.toBe(0);
  expect(Object.keys(JSON.parse(`${stdout}`))).toEqual(['error']);
  expect(undocumented('peerd', stdout)).toEqual([]);
});

test('what reply, request, subscribe and a message print is as documented', async () => {
  const reply = sandbox.spawn(['reply', '--exec', 'grep -v no', '--json', '--name', 'alice'], { stdin: '' });
  const listener = sandbox.spawn(['subscribe', 'news', '--count', '2', '--json', '--name', 'alice']);
  await Promise.all([reply.line(), listener.line()]);
  expect(await printed('request alice yes')).toEqual([]);
  const { stdout } = await sandbox.run(['request', 'alice', '--json', '--name', 'bob'], {
    stdin: Buffer.from([255]),
  });
  expect(JSON.parse(`${stdout}`)).toHaveProperty('payloadBase64');
  expect(undocumented('peerd request', stdout)).toEqual([]);
  expect((await sandbox.run(['request', 'alice', 'no', '--name', 'bob'])).status).toBe(3);
  await sandbox.run(['broadcast', 'news', 'x', '--name', 'bob']);
  await sandbox.run(['broadcast', 'news', '--name', 'bob'], { stdin: Buffer.from([255]) });
  const [heard, answered] = await Promise.all([listener.ended, reply.kill('SIGINT')]);
  expect(undocumented('peerd subscribe', heard.stdout)).toEqual([]);
  expect(undocumented('peerd reply', answered.stdout)).toEqual([]);
  const events = (output: Buffer) =>
    `${output}`
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each).event);
  expect(events(heard.stdout)).toEqual(['subscribed', 'message', 'message']);
  expect(events(answered.stdout)).toEqual([
    'ready',
    'asked',
    'answered',
    'asked',
    'answered',
    'asked',
    'failed',
  ]);
});

test('what start prints is as documented', async () => {
  const carol = await sandbox.start('carol');
  const { stdout } = await carol.kill('SIGTERM');
  expect(undocumented('peerd start', stdout)).toEqual([]);
  const events = `${stdout}`
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(['started', 'stopped']);
});
