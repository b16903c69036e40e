import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../core/src/server/random.ts';
import { errorIn, isRunning, type Running, type RunningDaemon, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let alice: RunningDaemon;
let bob: RunningDaemon;
beforeAll(async () => {
  sandbox = await Sandbox.make();
  ({ alice, bob } = await sandbox.pair());
});
afterAll(() => sandbox.close());

const asBob = ['--name', 'bob'];

/** A program at alice that answers, for as long as `work` takes. */
async function replying<T>(args: readonly string[], work: (reply: Running) => Promise<T>): Promise<T> {
  const reply = sandbox.spawn(['reply', '--name', 'alice', ...args], { stdin: '' });
  await reply.says('ready');
  try {
    return await work(reply);
  } finally {
    expect((await reply.kill('SIGINT')).status).toBe(0);
  }
}

describe('request and reply', () => {
  test('a command answers what it writes, given the payload', async () => {
    await replying(['--exec', 'tr a-z A-Z'], async () => {
      const { status, stdout } = await sandbox.run(['request', 'alice', 'hello', ...asBob]);
      expect({ status, answer: stdout.toString() }).toEqual({ status: 0, answer: 'HELLO' });
    });
  });

  test('bytes pass unchanged through pipes', async () => {
    const random = seededRandom([1, 2, 3, 4]);
    const payload = Uint8Array.from({ length: 300_000 }, () => random() * 256);
    await replying(['--echo'], async () => {
      for (const data of [[], ['-']]) {
        const { status, stdout } = await sandbox.run(['request', 'alice', ...data, ...asBob], {
          stdin: payload,
        });
        expect(status).toBe(0);
        expect(Buffer.compare(stdout, payload)).toBe(0);
      }
    });
  });

  test('a peer is asked by its id, a prefix of it, and its address', async () => {
    await replying(['--echo'], async () => {
      const { id, addresses } = alice.info;
      for (const peer of [id, id.slice(0, 20), addresses[0] as string]) {
        const { status, stdout } = await sandbox.run(['request', peer, 'x', ...asBob]);
        expect({ peer, status, answer: stdout.toString() }).toEqual({ peer, status: 0, answer: 'x' });
      }
    });
  });

  test('JSON has text as text and other bytes as base64', async () => {
    await replying(['--echo'], async () => {
      const text = await sandbox.run(['request', 'alice', 'grüße', '--json', ...asBob]);
      expect(JSON.parse(text.stdout.toString())).toEqual({
        peer: 'alice',
        peerId: alice.info.id,
        peerName: 'alice',
        path: [{ peer: alice.info.id, name: 'alice' }],
        service: '',
        payload: 'grüße',
        ms: expect.any(Number),
      });
      const bytes = Buffer.from([0, 255, 254]);
      const other = await sandbox.run(['request', 'alice', '--json', ...asBob], { stdin: bytes });
      expect(JSON.parse(other.stdout.toString())).toMatchObject({ payloadBase64: bytes.toString('base64') });
    });
  });

  test('a command that fails refuses, with its standard error as the reason: exit 3', async () => {
    await replying(['--exec', 'echo oh; echo well >&2; echo not today >&2; exit 7'], async (reply) => {
      const refused = await sandbox.run(['request', 'alice', 'x', ...asBob]);
      expect(refused.status).toBe(3);
      expect(refused.stderr).toContain('well\nnot today');
      await reply.says(`refused bob, ${bob.info.id}: the command exited with status 7: not today\n`);
      expect(reply.stderr).not.toContain('well');
      const json = await sandbox.run(['request', 'alice', 'x', '--json', ...asBob]);
      expect(errorIn(json)).toMatchObject({ code: 'refused', message: expect.stringContaining('not today') });
    });
  });

  test('a call that times out kills the command and all it began: exit 6', async () => {
    await replying(['--exec', 'sleep 1000 & echo $! > pid; wait'], async () => {
      const { status } = await sandbox.run(['request', 'alice', 'x', '--timeout', '500ms', ...asBob]);
      expect(status).toBe(6);
      const pid = Number(await readFile(join(sandbox.folder, 'pid'), 'utf8'));
      await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false);
    });
  });

  test('the command is told who asks, for what, and where it runs', async () => {
    const variables = ['PEER', 'PEER_NAME', 'SERVICE', 'REQUEST_NUMBER', 'REQUEST_BYTES', 'SOCKET'];
    const command = variables.map((each) => `echo "$PEERD_${each}"`).join('; ');
    await replying(['--exec', command, '--service', 'one', '--service', 'two'], async (reply) => {
      expect(reply.stderr).toContain('for one, two');
      for (const [service, number] of [
        ['one', '1'],
        ['two', '2'],
      ] as const) {
        const asked = ['request', 'alice', 'hello', '--service', service, ...asBob];
        const { stdout } = await sandbox.run(asked);
        expect(stdout.toString().trim().split('\n')).toEqual([
          bob.info.id,
          'bob',
          service,
          number,
          '5',
          alice.info.socket,
        ]);
      }
      expect((await sandbox.run(['request', 'alice', 'x', ...asBob])).status).toBe(4);
    });
  });

  test('a caller that leaves has the command and all it began killed', async () => {
    const command = 'sleep 1000 & echo $! > left; wait';
    const reply = sandbox.spawn(['reply', '--exec', command, '--json', '--name', 'alice'], { stdin: '' });
    expect(JSON.parse(await reply.line()).event).toBe('ready');
    const call = sandbox.spawn(['request', 'alice', 'x', ...asBob], { stdin: '' });
    expect(JSON.parse(await reply.line()).event).toBe('asked');
    const file = join(sandbox.folder, 'left');
    await expect.poll(() => readFile(file, 'utf8').catch(() => ''), { timeout: 5_000 }).toMatch(/\d\n/);
    const pid = Number(await readFile(file, 'utf8'));
    expect(isRunning(pid)).toBe(true);
    expect((await call.kill('SIGINT')).status).toBe(130);
    expect(JSON.parse(await reply.line())).toMatchObject({ event: 'failed', error: { code: 'stopped' } });
    await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false);
    expect((await reply.kill('SIGINT')).status).toBe(0);
  });

  test('nobody answers: exit 4', async () => {
    const { status, stderr } = await sandbox.run(['request', 'alice', 'x', ...asBob]);
    expect(status).toBe(4);
    expect(stderr).toContain('no-handler');
  });

  test('a peer that nobody knows: exit 5', async () => {
    expect((await sandbox.run(['request', 'carol', 'x', ...asBob])).status).toBe(5);
  });

  test('a malformed address: exit 2', async () => {
    expect((await sandbox.run(['request', '/ip4/999.1.1.1/tcp/1', 'x', ...asBob])).status).toBe(2);
  });

  test('a payload over the limit: exit 7, and the next one passes', async () => {
    await replying(['--echo'], async () => {
      const large = await sandbox.run(['request', 'alice', '--json', ...asBob], {
        stdin: Buffer.alloc(17 << 20),
      });
      expect(large.status).toBe(7);
      expect(errorIn(large).code).toBe('too-large');
      expect((await sandbox.run(['request', 'alice', '', ...asBob])).status).toBe(0);
    });
  });

  test('the program that answers is killed with the call in hand: exit 10, at once', async () => {
    // It writes now and then, so that it ends when nobody is left to read.
    const command = 'while sleep 0.05; do echo working; done';
    const reply = sandbox.spawn(['reply', '--exec', command, '--json', '--name', 'alice']);
    expect(JSON.parse(await reply.line())).toEqual({ event: 'ready', daemon: 'alice', services: [''] });
    const call = sandbox.spawn(['request', 'alice', 'x', ...asBob], { stdin: '' });
    expect(JSON.parse(await reply.line())).toMatchObject({ event: 'asked', peer: bob.info.id });
    await reply.kill('SIGKILL');
    expect((await call.ended).status).toBe(10);
  });
});

describe('broadcast and subscribe', () => {
  test('what is told is heard, with topic and sender, and the count ends it', async () => {
    const listener = sandbox.spawn(['subscribe', 'news', 'weather', '--count', '2', '--name', 'alice']);
    await listener.says('hearing news, weather');
    const told = await sandbox.run(['broadcast', 'news', 'it is out', ...asBob]);
    expect(told).toMatchObject({ status: 0, stdout: Buffer.from('sent to 1 peer\n') });
    expect(await listener.line()).toBe(`news ${bob.info.id} it is out`);
    expect((await sandbox.run(['broadcast', 'weather', '--json', ...asBob], { stdin: 'sun' })).status).toBe(
      0,
    );
    expect(await listener.line()).toBe(`weather ${bob.info.id} sun`);
    expect((await listener.ended).status).toBe(0);
  });

  test('JSON lines say what was heard; Ctrl-C ends it with 0', async () => {
    const listener = sandbox.spawn(['subscribe', 'json', '--json', '--name', 'alice']);
    expect(JSON.parse(await listener.line())).toEqual({ event: 'subscribed', topics: ['json'] });
    const told = await sandbox.run(['broadcast', 'json', 'hi', '--json', ...asBob]);
    expect(JSON.parse(told.stdout.toString())).toEqual({ topic: 'json', peers: 1 });
    expect(JSON.parse(await listener.line())).toEqual({
      event: 'message',
      topic: 'json',
      from: bob.info.id,
      payload: 'hi',
      missed: 0,
    });
    expect((await listener.kill('SIGINT')).status).toBe(0);
  });

  test('nobody hears: exit 5, or 0 when that is fine', async () => {
    const alone = await sandbox.run(['broadcast', 'void', 'x', '--timeout', '100ms', ...asBob]);
    expect(alone.status).toBe(5);
    const fine = await sandbox.run(['broadcast', 'void', 'x', '--allow-none', '--json', ...asBob]);
    expect(JSON.parse(fine.stdout.toString())).toEqual({ topic: 'void', peers: 0 });
  });

  test('whoever reads the output may leave', async () => {
    const listener = sandbox.spawn(['subscribe', 'pipe', '--name', 'alice']);
    await listener.says('hearing');
    listener.child.stdout.destroy();
    const told = await sandbox.run(['broadcast', 'pipe', 'x', ...asBob]);
    expect(told.status).toBe(0);
    const { status, stderr } = await listener.ended;
    expect({ status, stderr: stderr.includes('EPIPE') }).toEqual({ status: 0, stderr: false });
  });
});

describe('looking around', () => {
  test('status tells id, name, network and addresses', async () => {
    const { status, stdout } = await sandbox.run(['status', '--json', '--name', 'alice']);
    expect(status).toBe(0);
    const { id, name, addresses } = alice.info;
    expect(JSON.parse(stdout.toString())).toMatchObject({ id, name, addresses, network: sandbox.network });
    const text = await sandbox.run(['status', '--name', 'alice']);
    expect(text.stdout.toString()).toContain(id);
  });

  test('peers lists one object a line', async () => {
    const { stdout } = await sandbox.run(['peers', '--json', '--name', 'alice']);
    const peers = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(peers).toContainEqual(expect.objectContaining({ id: bob.info.id, name: 'bob', connected: true }));
    const text = await sandbox.run(['peers', '--name', 'alice']);
    expect(text.stdout.toString()).toMatch(new RegExp(`${bob.info.id} +bob +connected`));
  });

  test('ping measures a round trip', async () => {
    const { status, stdout } = await sandbox.run(['ping', 'alice', '--json', ...asBob]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout.toString())).toEqual({
      peer: alice.info.id,
      rttMs: expect.any(Number),
      routed: false,
    });
  });

  test('several daemons run and none is named: exit 2, with their names', async () => {
    const result = await sandbox.run(['status', '--json']);
    expect(result.status).toBe(2);
    expect(errorIn(result)).toMatchObject({ code: 'invalid', candidates: ['alice', 'bob'] });
    const named = await sandbox.run(['status', '--json'], { env: { PEERD_NAME: 'bob' } });
    expect(JSON.parse(named.stdout.toString()).name).toBe('bob');
  });

  test('no daemon of that name: exit 8', async () => {
    const { status, stderr } = await sandbox.run(['status', '--name', 'nobody']);
    expect(status).toBe(8);
    expect(stderr).toContain('peerd start');
  });
});
