import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { errorIn, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.make();
});
afterEach(() => sandbox.close());

const closed = { env: { PEERD_NETWORK_SECRET: 'swordfish' } };
const makeTicket = async (...args: string[]) => await sandbox.run(['ticket', ...args, '--name', 'alice']);
const startArgs = (name: string) => ['start', '--json', '--name', name, '--discovery', 'off'];

test('a ticket with the secret is all that it takes to join, from standard input too', async () => {
  const alone = ['--discovery', 'off', '--routing-strategy', 'source'];
  const alice = await sandbox.start('alice', alone, closed);
  const { stdout, stderr } = await makeTicket('--with-secret');
  expect(stderr).toContain('keep this ticket secret');
  expect(stderr).toContain('only for this machine');
  const bob = sandbox.spawn([...startArgs('bob'), '--ticket', '-'], { stdin: stdout });
  expect(JSON.parse(await bob.line())).toMatchObject({ event: 'started', network: sandbox.network });
  expect((await sandbox.run(['ping', 'alice', '--name', 'bob'])).status).toBe(0);
  const carol = sandbox.spawn(startArgs('carol'), { env: { PEERD_TICKET: stdout.toString().trim() } });
  await carol.line();
  const { peers } = JSON.parse(
    (await sandbox.run(['status', '--json', '--name', 'alice'])).stdout.toString(),
  );
  expect(peers.known).toBeGreaterThanOrEqual(1);
  expect((await sandbox.run(['ping', alice.info.id, '--name', 'carol'])).status).toBe(0);
});

test('a ticket without the secret says where, and does not let in', async () => {
  const alice = await sandbox.start('alice', ['--discovery', 'off'], closed);
  const result = await makeTicket('--json');
  expect(undocumented('peerd ticket', result.stdout)).toEqual([]);
  const made = JSON.parse(result.stdout.toString());
  expect(result.stderr).toContain('if listen is set for it, with an address there that others reach');
  expect(made).toEqual({
    ticket: expect.stringMatching(/^peerd1/),
    addresses: alice.info.addresses,
    hasSecret: false,
    loopbackOnly: true,
  });
  const bob = sandbox.spawn([...startArgs('bob'), '--ticket', made.ticket, '--log-level', 'error']);
  await bob.line();
  const ping = await sandbox.run(['ping', alice.info.id, '--json', '--name', 'bob']);
  expect(errorIn(ping).code).toBe('forbidden');
});

test('addresses can be given, and have to be addresses', async () => {
  const alice = await sandbox.start('alice', ['--discovery', 'off']);
  const made = await makeTicket('--json', '--address', '/dns4/example.org/tcp/4001', '--with-secret');
  expect(JSON.parse(made.stdout.toString())).toMatchObject({
    addresses: [`/dns4/example.org/tcp/4001/p2p/${alice.info.id}`],
    hasSecret: false,
    loopbackOnly: false,
  });
  expect(made.stderr).toContain('this network has no secret');
  const bad = await makeTicket('--json', '--address', 'example.org');
  expect(bad.status).toBe(2);
});

test('on a terminal it says what it waits for', async () => {
  const trap = join(sandbox.folder, 'trap.mjs');
  await writeFile(trap, 'process.stdin.isTTY = true;');
  const bob = sandbox.spawn([...startArgs('bob'), '--ticket', '-'], {
    env: { NODE_OPTIONS: `--import=${trap}` },
  });
  await bob.says('paste the ticket and press Enter\n');
  bob.child.stdin.write('hello\n');
  expect((await bob.ended).status).toBe(2);
});

test('a line that is no ticket is refused: exit 2', async () => {
  const result = await sandbox.run([...startArgs('bob'), '--ticket', '-'], { stdin: 'hello\n' });
  expect(result.status).toBe(2);
  expect(errorIn(result).message).toContain('--ticket: this is no ticket');
});
