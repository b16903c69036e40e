import { once } from 'node:events';
import { lstat, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { connect, type SocketClient } from '@peerd/client';
import type { PeerdError } from '@peerd/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorIn, type Running, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.make();
});
afterEach(() => sandbox.close());

/** Alice has a call in flight to bob, whose handler answers with what is written to the gate. */
async function callInFlight() {
  const gate = join(sandbox.folder, 'gate');
  const { alice, bob } = await sandbox.pair();
  const exec = `mkfifo ${gate} 2> /dev/null; cat ${gate}`;
  const reply = sandbox.spawn(['reply', '--exec', exec, '--json', '--name', 'bob']);
  await reply.line();
  const call = sandbox.spawn(['request', 'bob', 'x', '--json', '--name', 'alice'], { stdin: '' });
  await reply.line();
  // Calls have 4 s from the signal on: whoever looks on is connected before.
  const look = {
    alice: await connect({ socket: alice.info.socket, reconnect: false }),
    bob: await connect({ socket: bob.info.socket, reconnect: false }),
  };
  return { alice, bob, look, call, answer: () => writeFile(gate, 'late but whole') };
}

/** Asks until the daemon says that it stops: a signal needs a moment to arrive. */
async function untilStopping(node: SocketClient): Promise<void> {
  const deadlineMs = Date.now() + 10_000;
  for (;;) {
    const code = await node.ping('nobody').catch((error: PeerdError) => error.code);
    if (code === 'stopped') return;
    expect(code).toBe('unknown-peer');
    if (Date.now() > deadlineMs) throw new Error('it never said that it stops');
  }
}

async function expectStopped(daemon: Running): Promise<void> {
  const { status, stdout } = await daemon.ended;
  expect(status).toBe(0);
  expect(stdout.toString().trim().split('\n').at(-1)).toBe('{"event":"stopped"}');
}

describe('a daemon that is told to stop while a call is in flight', () => {
  test('lets the call that it answers end, and refuses new ones at once', async () => {
    const { bob, look, call, answer } = await callInFlight();
    bob.child.kill('SIGTERM');
    await untilStopping(look.bob);
    const late = look.alice.request('bob', Buffer.from('y'));
    await expect(late).rejects.toMatchObject({ code: 'stopped', message: expect.stringContaining('bob') });
    const newcomer = connect({ socket: bob.info.socket, reconnect: false });
    await expect(newcomer).rejects.toMatchObject({ code: 'stopped' });
    await answer();
    const { status, stdout } = await call.ended;
    expect(JSON.parse(stdout.toString())).toMatchObject({ payload: 'late but whole' });
    expect(status).toBe(0);
    await expectStopped(bob);
  });

  test('lets the call that its client made end', async () => {
    const { alice, look, call, answer } = await callInFlight();
    alice.child.kill('SIGINT');
    await untilStopping(look.alice);
    await answer();
    expect((await call.ended).status).toBe(0);
    await expectStopped(alice);
  });

  test('ends within 5 s all the same: what has no answer by then ends with stopped, exit 8', async () => {
    const { alice, call } = await callInFlight();
    const startedMs = performance.now();
    alice.child.kill('SIGTERM');
    const result = await call.ended;
    expect(errorIn(result).code).toBe('stopped');
    expect(result.status).toBe(8);
    await expectStopped(alice);
    // It waits 4 s for the call, which would wait 30 s; the rest is room for a machine that is busy.
    expect(performance.now() - startedMs).toBeGreaterThan(3_900);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(alice.stderr).toContain('calls were still in flight');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves at once when it is told twice: %s is exit %i', async (signal, expected) => {
    const { alice, look, call } = await callInFlight();
    alice.child.kill('SIGTERM');
    await untilStopping(look.alice);
    const { status, signal: diedOf, stdout } = await alice.kill(signal);
    expect(status).toBe(expected);
    expect(diedOf).toBe(signal);
    expect(stdout.toString()).not.toContain('stopped');
    // Nobody said what became of it.
    expect((await call.ended).status).toBe(10);
  });
});

describe('a command that is interrupted', () => {
  test('dies of SIGINT, and so ends the loop of its shell', async () => {
    // A daemon that takes the connection and says nothing more.
    const path = join(sandbox.folder, 'silent.sock');
    const server = createServer().listen(path);
    const connected = once(server, 'connection');
    const loop = sandbox.shell(`for each in 1 2; do echo $each; peerd request bob x --socket ${path}; done`);
    const [socket] = await connected;
    // As a terminal does: to all that runs in it.
    process.kill(-loop.pid, 'SIGINT');
    expect(await loop.ended).toMatchObject({ signal: 'SIGINT', stdout: Buffer.from('1\n'), stderr: '' });
    (socket as Socket).destroy();
    server.close();
  });
});

describe('stop, of a daemon that is stopping already', () => {
  test('waits until it is gone, as the first one does: exit 0', async () => {
    const { bob, look, call } = await callInFlight();
    const first = sandbox.spawn(['stop', '--name', 'bob']);
    await untilStopping(look.bob);
    // What is still in flight keeps it for 4 s.
    const second = await sandbox.run(['stop', '--name', 'bob', '--json']);
    expect(second.stderr).toBe('');
    expect(JSON.parse(second.stdout.toString())).toEqual({ daemon: 'bob', id: bob.info.id });
    expect(second.status).toBe(0);
    await expect(lstat(bob.info.socket)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await first.ended).status).toBe(0);
    await expectStopped(bob);
    expect((await call.ended).status).toBe(8);
  });

  test('tells that it is still there when its own time is over: exit 6', async () => {
    const { bob, look } = await callInFlight();
    bob.child.kill('SIGTERM');
    await untilStopping(look.bob);
    const late = await sandbox.run(['stop', '--name', 'bob', '--timeout', '0ms', '--json']);
    expect(errorIn(late).code).toBe('timeout');
    expect(late.status).toBe(6);
    await expectStopped(bob);
  });
});

describe('SIGHUP', () => {
  const write = (text: string) => writeFile(join(sandbox.folder, 'x.toml'), text);
  const start = () => sandbox.start('x', ['--config', 'x.toml', '--log-level', 'info', '--discovery', 'off']);

  test('has a daemon read its file again: what can change does, and it says what needs a restart', async () => {
    const { alice } = await sandbox.pair();
    await write('');
    const daemon = await start();
    await using node = await connect({ socket: alice.info.socket });
    const [address = ''] = daemon.info.addresses;
    await node.ping(address);
    await write(
      `deny = ["${alice.info.id}"]\nlisten = ["/ip4/127.0.0.1/tcp/1"]\n[limits]\nmax_queued_bytes = 5\n`,
    );
    daemon.child.kill('SIGHUP');
    await daemon.says('the configuration was read again: changed: deny, limits.max_queued_bytes');
    await daemon.says('what is new in listen needs a restart');
    await daemon.says(`refused ${alice.info.id}: ${alice.info.id} is on the deny list`);
    // Alice hears of the end of the connection in her own time.
    await expect
      .poll(
        () =>
          node.ping(address).then(
            () => '',
            ({ message }) => message,
          ),
        { timeout: 10_000 },
      )
      .toContain('is on the deny list');
    expect(await daemon.kill('SIGTERM')).toMatchObject({ status: 0 });
  });

  test('with a broken file changes nothing and says why', async () => {
    await write('log_level = "debug"\n');
    const daemon = await start();
    await write('log_level = "loud"\nlistn = []\n');
    daemon.child.kill('SIGHUP');
    await daemon.says('the configuration stays as it was: ');
    expect(daemon.stderr).toContain('x.toml:1: log_level: ');
    expect(daemon.stderr).toContain('x.toml:2: unknown key listn');
    const again = await sandbox.run(['config', 'reload', '--name', 'x', '--json']);
    expect(again.status).toBe(2);
    expect(errorIn(again).message).toContain('x.toml:2: unknown key listn');
    await write('[log_levels]\nrequest = "debug"\n');
    const { status, stdout } = await sandbox.run(['config', 'reload', '--name', 'x', '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout.toString())).toEqual({
      changed: ['log_levels.request'],
      restart: [],
      warnings: [],
    });
    const text = await sandbox.run(['config', 'reload', '--name', 'x']);
    expect(text.stdout.toString()).toBe('nothing has changed\n');
  });

  test('stops a daemon that runs in a terminal: that one was closed', async () => {
    const trap = join(sandbox.folder, 'trap.mjs');
    await writeFile(trap, 'process.stdin.isTTY = true;');
    const alice = await sandbox.start('alice', [], { env: { NODE_OPTIONS: `--import=${trap}` } });
    alice.child.kill('SIGHUP');
    await expectStopped(alice);
  });
});
