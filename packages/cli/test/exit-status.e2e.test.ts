import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { connect, type SocketClient } from '@peerd/client';
import { type ErrorCode, errorCodes, PeerdError } from '@peerd/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Output } from '../src/output.ts';
import { undocumented } from './json-types.ts';
import { errorIn, type RunningDaemon, Sandbox } from './sandbox.ts';

/** What each code exits with, as the table that users go by has it. */
const statuses: Record<ErrorCode, number> = {
  internal: 1,
  usage: 2,
  invalid: 2,
  refused: 3,
  forbidden: 3,
  'no-handler': 4,
  unreachable: 5,
  'unknown-peer': 5,
  'no-peers': 5,
  'no-leader': 5,
  incompatible: 5,
  timeout: 6,
  expired: 6,
  busy: 7,
  'too-large': 7,
  'daemon-unavailable': 8,
  stopped: 8,
  quorum: 9,
  partial: 9,
  disconnected: 10,
};
const provoked = new Set<ErrorCode>();

let sandbox: Sandbox;
let alice: RunningDaemon;
/** A program at alice, whose handlers do what a shell command can't. */
let program: SocketClient;
beforeAll(async () => {
  sandbox = await Sandbox.make();
  ({ alice } = await sandbox.pair());
  program = await connect({ socket: alice.info.socket, onHandlerError: () => {} });
  await program.handle('fails', () => {
    throw new TypeError('a bug of the handler');
  });
  await program.handle('refuses', () => {
    throw new PeerdError('refused', 'not today');
  });
  await program.handle('hangs', () => new Promise(() => {}));
  await program.handle('echo', ({ payload }) => payload);
});
afterAll(async () => {
  await program.close();
  await sandbox.close();
});

/** The command fails with that code and its status, as text and as JSON. */
async function fails(code: ErrorCode, args: readonly string[], options: Parameters<Sandbox['run']>[1] = {}) {
  const text = await sandbox.run(args, options);
  expect({ code, status: text.status, stdout: `${text.stdout}` }).toEqual({
    code,
    status: statuses[code],
    stdout: '',
  });
  expect(text.stderr).toContain(`(${code})`);
  const json = await sandbox.run([...args, '--json'], options);
  expect(json.status).toBe(statuses[code]);
  expect(errorIn(json).code).toBe(code);
  expect(undocumented('peerd', json.stdout)).toEqual([]);
  provoked.add(code);
}

const ask = (service: string, ...more: string[]) => [
  'request',
  'alice',
  'x',
  '--service',
  service,
  '--name',
  'bob',
  ...more,
];

test.each<[ErrorCode, string, () => readonly string[]]>([
  ['internal', 'the handler that is asked throws', () => ask('fails')],
  ['usage', 'the peer is not given', () => ['request']],
  ['invalid', 'an address is none', () => ['ping', '/ip4/300.1.1.1/tcp/1', '--name', 'bob']],
  ['invalid', 'several daemons run and none is named', () => ['status']],
  ['refused', 'the handler says no', () => ask('refuses')],
  ['no-handler', 'nobody handles that service', () => ask('nobody')],
  [
    'unreachable',
    'nobody listens there',
    () => ['ping', `/ip4/127.0.0.1/tcp/1/p2p/${alice.info.id.slice(0, -3)}AAA`, '--name', 'bob'],
  ],
  ['unknown-peer', 'the name is unknown', () => ['ping', 'nobody', '--name', 'bob']],
  ['unknown-peer', 'nobody is known to lead there', () => ['trace', 'nobody', '--name', 'bob']],
  ['invalid', 'there is no way to oneself', () => ['trace', 'bob', '--name', 'bob']],
  [
    'no-peers',
    'nobody hears the topic',
    () => ['broadcast', 'void', 'x', '--timeout', '50ms', '--name', 'bob'],
  ],
  ['timeout', 'no answer comes in time', () => ask('hangs', '--timeout', '200ms')],
  ['daemon-unavailable', 'no daemon has that name', () => ['status', '--name', 'nobody']],
])('%s: %s', async (code, _, args) => {
  await fails(code, args());
});

test('too-large: a payload is over the limit', async () => {
  const args = ['request', 'alice', '--service', 'echo', '--name', 'bob'];
  await fails('too-large', args, { stdin: Buffer.alloc(17 << 20) });
});

test('forbidden: the other side lets this peer not in', async () => {
  const bob = JSON.parse(`${(await sandbox.run(['status', '--json', '--name', 'bob'])).stdout}`);
  const strict = await sandbox.start('strict', ['--discovery', 'off'], { env: { PEERD_DENY: bob.id } });
  await fails('forbidden', ['connect', strict.info.addresses[0] as string, '--name', 'bob']);
});

test('busy: more calls are in flight than the daemon takes', async () => {
  const env = { PEERD_LIMITS_MAX_OUTBOUND_CALLS: '1' };
  await sandbox.start('few', ['--discovery', 'off'], { env });
  const [address = ''] = alice.info.addresses;
  const held = new Promise((resolve) => program.handle('holds', () => new Promise(() => resolve(undefined))));
  const first = sandbox.spawn(['request', address, 'x', '--service', 'holds', '--name', 'few'], {
    stdin: '',
  });
  await held;
  await fails('busy', ['request', address, 'x', '--service', 'echo', '--name', 'few']);
  await first.kill('SIGINT');
});

test('busy: the daemon has as many clients as it takes', async () => {
  const full = await sandbox.start('full', ['--discovery', 'off']);
  const clients: SocketClient[] = [];
  while (clients.length < 1_024) {
    // More at once than wait to be accepted would fail for another reason.
    const some = Array.from({ length: 64 }, () => connect({ socket: full.info.socket, reconnect: false }));
    clients.push(...(await Promise.all(some)));
  }
  await fails('busy', ['status', '--name', 'full']);
  await Promise.all(clients.map((client) => client.close()));
  expect((await sandbox.run(['status', '--name', 'full'])).status).toBe(0);
});

test('daemon-unavailable: the daemon is there, and its process is stopped', async () => {
  const still = await sandbox.start('still', ['--discovery', 'off']);
  still.child.kill('SIGSTOP');
  const { status, stderr } = await sandbox.run(['status', '--name', 'still']);
  expect({ status, start: stderr.includes('peerd start') }).toEqual({ status: 8, start: false });
  expect(stderr).toContain(`the daemon at ${still.info.socket} is there, but it did not greet in 5000 ms`);
  expect(stderr).toContain('kill -CONT');
  still.child.kill('SIGCONT');
  expect((await sandbox.run(['status', '--name', 'still'])).status).toBe(0);
});

test('incompatible: what listens on the socket is no daemon', async () => {
  const path = join(sandbox.folder, 'other.sock');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('220 mail.example ESMTP ready\r\n');
  }).listen(path);
  await once(server, 'listening');
  await fails('incompatible', ['status', '--socket', path]);
  server.close();
});

test('disconnected: the program that answers dies with the call in hand', async () => {
  for (const form of [[], ['--json']]) {
    const reply = sandbox.spawn([
      'reply',
      '--exec',
      'sleep 30',
      '--service',
      'dies',
      '--json',
      '--name',
      'alice',
    ]);
    await reply.line();
    const call = sandbox.spawn(ask('dies', ...form), { stdin: '' });
    await reply.line();
    await reply.kill('SIGKILL');
    const ended = await call.ended;
    expect(ended.status).toBe(statuses.disconnected);
    if (form.length > 0) expect(errorIn(ended).code).toBe('disconnected');
    else expect(ended.stderr).toContain('(disconnected)');
  }
  provoked.add('disconnected');
});

test('stopped: the daemon is stopped with the call in flight', async () => {
  const carol = await sandbox.start('carol', ['--discovery', 'off']);
  const answers = await connect({ socket: alice.info.socket });
  const asked = new Promise((resolve) =>
    answers.handle('waits', () => new Promise(() => resolve(undefined))),
  );
  const [address] = alice.info.addresses;
  const args = ['request', address as string, 'x', '--service', 'waits', '--name', 'carol', '--json'];
  const call = sandbox.spawn(args, { stdin: '' });
  await asked;
  carol.child.kill('SIGTERM');
  const ended = await call.ended;
  expect(errorIn(ended).code).toBe('stopped');
  expect(ended.status).toBe(statuses.stopped);
  provoked.add('stopped');
  await answers.close();
});

// What they are for does not exist yet: only that the code is mapped can be seen.
test.each<ErrorCode>(['no-leader', 'expired', 'quorum', 'partial'])(
  '%s has its exit status, though nothing fails with it yet',
  (code) => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      expect(new Output(false).failure(new PeerdError(code, 'as it is'))).toBe(statuses[code]);
      expect(write.mock.calls).toEqual([[`peerd: as it is (${code})\n`]]);
    } finally {
      write.mockRestore();
    }
    provoked.add(code);
  },
);

test('all codes were seen', () => {
  expect([...provoked].sort()).toEqual([...errorCodes].sort());
});
