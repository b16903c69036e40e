import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';
import { connect } from '@peerd/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { program, type Running, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.make();
});
afterEach(() => sandbox.close());

/** Reads lines until one ends so. */
async function until(running: Running, end: string): Promise<void> {
  while (!(await running.line()).endsWith(end));
}

describe('logs', () => {
  test('shows from any terminal what a daemon has logged, with the names of peers, and no secret', async () => {
    const options = { env: { PEERD_NETWORK_SECRET: 'swordfish' } };
    const args = ['--log-level', 'debug', '--discovery', 'off'];
    const alice = await sandbox.start('alice', args, options);
    const bob = await sandbox.start('bob', [...args, '--peer', alice.info.addresses[0] as string], options);
    const follower = sandbox.spawn(['logs', '-f', '--name', 'alice']);
    await until(follower, `hello: connected to bob (${bob.info.id})`);
    await bob.kill('SIGTERM');
    await until(follower, `peers: disconnected from bob (${bob.info.id})`);
    expect((await follower.kill('SIGINT')).status).toBe(0);

    const json = await sandbox.run(['logs', '--name', 'alice', '--area', 'hello', '--json']);
    const records = json.stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records).toEqual([
      {
        timeMs: expect.any(Number),
        level: 'info',
        area: 'hello',
        message: `connected to bob (${bob.info.id})`,
        fields: { peer: bob.info.id, kind: 'peerd' },
        missed: 0,
      },
    ]);
    const all = await sandbox.run(['logs', '--name', 'alice']);
    expect(all.stdout.toString()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO {2}daemon: /m);
    const { stderr } = await alice.kill('SIGTERM');
    expect(`${all.stdout}${stderr}`).not.toContain('swordfish');
  });

  test('name the service, the caller and the program of a handler that failed', async () => {
    const { alice, bob } = await sandbox.pair();
    await using shouter = await connect({
      socket: alice.info.socket,
      program: 'shouter',
      onHandlerError: () => {},
    });
    await shouter.handle('upper', () => {
      throw new TypeError('no such letter');
    });
    await sandbox.run(['request', 'alice', 'x', '--service', 'upper', '--name', 'bob']);
    const logs = await sandbox.run(['logs', '--area', 'request', '--name', 'alice', '--json']);
    expect(JSON.parse(logs.stdout.toString())).toMatchObject({
      level: 'error',
      message: `the handler of upper failed on a request of bob (${bob.info.id}), in shouter: the handler failed`,
      fields: { service: 'upper', peer: bob.info.id, peerName: 'bob', program: 'shouter' },
    });
  });

  test('of an area that does not exist are not said to be followed', async () => {
    await sandbox.start('alice');
    const { status, stderr } = await sandbox.run(['logs', '-f', '--area', 'nosuch', '--name', 'alice']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^peerd: .*nosuch/);
  });

  test('of a daemon that stops end with its end: exit 8', async () => {
    const alice = await sandbox.start('alice', ['--log-level', 'info']);
    const follower = sandbox.spawn(['logs', '-f', '--name', 'alice']);
    await follower.line();
    await alice.kill('SIGTERM');
    expect((await follower.ended).status).toBe(8);
  });
});

test.each([
  [
    'on a terminal is for people',
    // Said of the pipe that this test reads: how to make a terminal differs between systems.
    { NODE_OPTIONS: '--import=data:text/javascript,process.stderr.isTTY=true' },
    (line: string) => /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: (\w+: [^{}]+)$/.exec(line)?.[1] ?? line,
  ],
  [
    'elsewhere is an object a line',
    {},
    (line: string) => {
      const { level, time, area, msg } = JSON.parse(line);
      expect([level, typeof time]).toEqual([30, 'number']);
      return `${area}: ${msg}`;
    },
  ],
])('what a daemon logs %s', async (_, env, said) => {
  const alice = await sandbox.start('alice', ['--log-level', 'info', '--discovery', 'off'], { env });
  const { stderr } = await alice.kill('SIGTERM');
  expect(stripVTControlCharacters(stderr).trim().split('\n').map(said)).toEqual([
    `daemon: a new identity was made: keep ${join(alice.info.data, 'key')} to keep it`,
    'daemon: stopping: calls in flight have 4000 ms to end',
  ]);
});

describe('a daemon whose log goes', () => {
  let child: ChildProcess | undefined;
  afterEach(() => child?.kill('SIGKILL'));

  /** Has a daemon with this standard error log more than a pipe and its own buffer take. */
  async function expectItAnswers(stderr: number | 'pipe', spoil: (child: ChildProcess) => void = () => {}) {
    const socket = join(sandbox.folder, 's');
    const args = ['start', '--json', '--name', 'x', '--network', sandbox.network, '--discovery', 'off'];
    const own = [...args, '--socket', socket, '--data', join(sandbox.folder, 'x'), '--log-level', 'debug'];
    child = spawn(process.execPath, [program, ...own], {
      env: sandbox.env,
      stdio: ['ignore', 'pipe', stderr],
    });
    spoil(child);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    const node = await connect({ socket });
    const ask = (i: number) =>
      node.request(`${'x'.repeat(50)}${i}`, Buffer.alloc(0)).catch(({ code }) => code);
    for (let round = 0; round < 10; round += 1) {
      const codes = await Promise.all(Array.from({ length: 1_000 }, (_, i) => ask(i)));
      expect(new Set(codes)).toEqual(new Set(['unknown-peer']));
    }
    const messages = [];
    for await (const { message } of node.logs({ last: 1 })) messages.push(message);
    expect(messages).toEqual([`no peer is known as ${'x'.repeat(50)}999`]);
    await node.close();
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  }

  test.skipIf(process.platform !== 'linux')('to a full disk goes on', async () => {
    const full = openSync('/dev/full', 'w');
    await expectItAnswers(full);
    closeSync(full);
  });

  test('to a pipe that was closed goes on', async () => {
    await expectItAnswers('pipe', ({ stderr }) => stderr?.destroy());
  });

  test('to a pipe that nobody reads goes on', async () => {
    await expectItAnswers('pipe');
  });
});
