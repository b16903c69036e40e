import { connect } from '@peerd/client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { errorIn, type Running, type RunningDaemon, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let alice: RunningDaemon;
let bob: RunningDaemon;
beforeEach(async () => {
  sandbox = await Sandbox.make();
  ({ alice, bob } = await sandbox.pair());
});
afterEach(() => sandbox.close());

/** A program at alice that answers; it is ready. */
async function reply(...args: string[]): Promise<Running> {
  const running = sandbox.spawn(['reply', '--name', 'alice', '--json', ...args], { stdin: '' });
  expect(JSON.parse(await running.line())).toMatchObject({ event: 'ready' });
  return running;
}

const ask = (service: string, ...more: string[]) =>
  sandbox.run(['request', 'alice', 'x', '--service', service, '--name', 'bob', '--json', ...more]);

test('who may ask is for --access to say: everybody, nobody, or some', async () => {
  await reply('--echo', '--service', 'none', '--access', 'nobody');
  await reply('--echo', '--service', 'some', '--access', `${alice.info.id},${bob.info.id}`);
  await reply('--echo', '--service', 'other', '--access', alice.info.id);
  const [none, some, other] = await Promise.all([ask('none'), ask('some'), ask('other')]);
  expect([none, other].map((each) => [each.status, errorIn(each).code])).toEqual([
    [3, 'forbidden'],
    [3, 'forbidden'],
  ]);
  expect(some.status).toBe(0);

  const listed = await sandbox.run(['services', '--json', '--name', 'alice']);
  expect(undocumented('peerd services', listed.stdout)).toEqual([]);
  const services = `${listed.stdout}`
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const still = { handlers: 1, inFlight: 0, waiting: 0 };
  expect(services).toEqual([
    { service: 'none', access: 'nobody', ...still },
    { service: 'other', access: [alice.info.id], ...still },
    { service: 'some', access: [alice.info.id, bob.info.id].sort(), ...still },
  ]);
  const text = await sandbox.run(['services', '--name', 'alice']);
  expect(`${text.stdout}`).toBe('1  0  0  nobody   none\n1  0  0  1 peer   other\n1  0  0  2 peers  some\n');
});

test('a name is none that --access takes: exit 2', async () => {
  const named = await sandbox.run(['reply', '--echo', '--access', 'bob', '--name', 'alice', '--json']);
  expect(named.status).toBe(2);
  expect(errorIn(named)).toMatchObject({ code: 'invalid', message: expect.stringContaining('bob') });
});

test('a program with all its jobs running leaves requests to one that is free', async () => {
  const hangs = await reply('--exec', 'sleep 1000', '--jobs', '1');
  const stuck = sandbox.spawn(['request', 'alice', 'x', '--name', 'bob'], { stdin: '' });
  expect(JSON.parse(await hangs.line())).toMatchObject({ event: 'asked' });
  await reply('--exec', 'cat', '--jobs', '1');
  for (let i = 0; i < 3; i += 1) expect((await ask('')).status).toBe(0);
  const listed = await sandbox.run(['services', '--json', '--name', 'alice']);
  expect(JSON.parse(`${listed.stdout}`)).toMatchObject({ handlers: 2, inFlight: 1, waiting: 0 });
  expect((await stuck.kill('SIGINT')).status).toBe(130);
});

test('a call that may be handled twice outlives the other daemon; any other is disconnected', async () => {
  const address = alice.info.addresses[0]?.replace(/\/p2p\/.*/, '') as string;
  const first = await connect({ socket: alice.info.socket });
  let asked = 0;
  const both = new Promise<void>((resolve) => {
    first.handle('slow', () => {
      asked += 1;
      if (asked === 2) resolve();
      return new Promise(() => {});
    });
  });
  await first.services();
  const calls = [ask('slow'), ask('slow', '--idempotent')] as const;
  await both;
  await alice.kill('SIGKILL');
  const again = await sandbox.start('alice', ['--discovery', 'off', '--listen', address]);
  const second = await connect({ socket: again.info.socket });
  await second.handle('slow', () => new TextEncoder().encode('at last'));
  const [plain, idempotent] = await Promise.all(calls);
  expect(errorIn(plain).code).toBe('disconnected');
  expect(JSON.parse(`${idempotent.stdout}`)).toMatchObject({ payload: 'at last' });
  await Promise.all([first.close(), second.close()]);
});

test('commands that can not be started, for want of file descriptors, are refused, and others are answered', async () => {
  const line = "ulimit -n 64; peerd reply --name alice --json --jobs 100 --exec 'sleep 0.3; cat'";
  const program = sandbox.shell(line, { stdin: '' });
  expect(JSON.parse(await program.line())).toMatchObject({ event: 'ready' });
  await using client = await connect({ socket: bob.info.socket });
  const ask = () => client.request('alice', Buffer.from('x'));
  const outcomes = await Promise.allSettled(Array.from({ length: 60 }, ask));
  const reasons = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  expect(reasons.length).toBeGreaterThan(0);
  for (const reason of reasons)
    expect(reason).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('the command did not start'),
    });
  expect(`${Buffer.from(await ask())}`).toBe('x');
});
