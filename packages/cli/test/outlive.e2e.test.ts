import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { type RunningDaemon, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let alice: RunningDaemon;
let bob: RunningDaemon;
beforeEach(async () => {
  sandbox = await Sandbox.make();
  ({ alice, bob } = await sandbox.pair());
});
afterEach(() => sandbox.close());

const address = () => alice.info.addresses[0]?.replace(/\/p2p\/.*/, '') as string;
const again = () => sandbox.start('alice', ['--discovery', 'off', '--listen', address()]);
const fromBob = (...args: string[]) => sandbox.run([...args, '--name', 'bob']);

test('reply goes on when its daemon was stopped and is started again', async () => {
  const reply = sandbox.spawn(['reply', '--echo', '--name', 'alice'], { stdin: '' });
  await reply.says('ready');
  expect((await sandbox.run(['stop', '--name', 'alice'])).status).toBe(0);
  await reply.says('lost: ');
  await again();
  await reply.says('alice is back after ');
  const answer = await fromBob('request', alice.info.addresses[0] as string, 'still there?');
  expect(`${answer.stdout}`).toBe('still there?');
  expect((await reply.kill('SIGINT')).status).toBe(0);
});

test('subscribe goes on when its daemon was killed, and says that something may be missed', async () => {
  const text = sandbox.spawn(['subscribe', 'news', '--count', '1', '--name', 'alice'], { stdin: '' });
  const json = sandbox.spawn(['subscribe', 'news', '--count', '1', '--json', '--name', 'alice'], {
    stdin: '',
  });
  await Promise.all([text.says('hearing'), json.line()]);
  await alice.kill('SIGKILL');
  await text.says('lost: ');
  await again();
  await text.says('is back after ');
  expect(JSON.parse(await json.line())).toMatchObject({ event: 'lost' });
  expect(JSON.parse(await json.line())).toMatchObject({ event: 'restored' });
  expect(text.stderr).toContain('what was broadcast meanwhile is missed');
  expect((await fromBob('connect', alice.info.addresses[0] as string)).status).toBe(0);
  expect((await fromBob('broadcast', 'news', 'it is back')).status).toBe(0);
  expect(await text.line()).toBe(`news ${bob.info.id} it is back`);
  expect((await text.ended).status).toBe(0);
  const { status, stdout } = await json.ended;
  expect(status).toBe(0);
  expect(undocumented('peerd subscribe', stdout)).toEqual([]);
  const events = `${stdout}`
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events).toMatchObject([
    { event: 'subscribed' },
    { event: 'lost', error: { code: 'daemon-unavailable' }, inFlight: 0 },
    { event: 'restored', daemon: 'alice', missed: null },
    { event: 'message', payload: 'it is back', missed: null },
  ]);
});

test('while the daemon is away Ctrl-C ends it with 0', async () => {
  const reply = sandbox.spawn(['reply', '--echo', '--json', '--name', 'alice'], { stdin: '' });
  await reply.line();
  await alice.kill('SIGKILL');
  expect(JSON.parse(await reply.line())).toMatchObject({ event: 'lost' });
  const { status, stdout } = await reply.kill('SIGINT');
  expect(status).toBe(0);
  expect(undocumented('peerd reply', stdout)).toEqual([]);
});

test.each([
  ['reply', '--echo'],
  ['subscribe', 'news'],
])('%s ends when another daemon is in the place of its own: exit 5', async (...args) => {
  const running = sandbox.spawn([...args, '--json', '--name', 'alice'], { stdin: '' });
  await running.line();
  await alice.kill('SIGKILL');
  await sandbox.start('alice', ['--data', join(sandbox.folder, 'other')]);
  const { status, stdout } = await running.ended;
  expect(status).toBe(5);
  expect(undocumented(`peerd ${args[0]}`, stdout)).toEqual([]);
  const last = JSON.parse(`${stdout}`.trim().split('\n').at(-1) ?? '');
  expect(last).toMatchObject({
    error: { code: 'incompatible', message: expect.stringContaining(alice.info.id) },
  });
});

test('what only asks once does not wait for a daemon to be back', async () => {
  const hangs = sandbox.spawn(['reply', '--exec', 'sleep 30', '--json', '--name', 'bob'], { stdin: '' });
  await hangs.line();
  const call = sandbox.spawn(['request', 'bob', 'x', '--name', 'alice'], { stdin: '' });
  await hangs.line();
  await alice.kill('SIGKILL');
  expect((await call.ended).status).toBe(10);
});
