import { chmod, lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorIn, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.make();
});
afterEach(() => sandbox.close());

const own = (name: string) => ['start', '--name', name, '--network', sandbox.network];

describe('start', () => {
  test('prints what it is and what to type next, and those commands work', async () => {
    const running = sandbox.spawn(own('alice'));
    const lines: string[] = [];
    while (!lines.at(-1)?.includes('Ctrl-C stops it')) lines.push(await running.line());
    const text = lines.join('\n');
    expect(text).toMatch(/id +12D3KooW/);
    expect(text).toMatch(/addresses +\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3KooW/);

    /** The arguments of the line that was printed with this command in it, as the shell would take them. */
    const printed = (command: string) => {
      const line = lines.find((each) => each.includes(` ${command} `)) ?? expect.unreachable(`no ${command}`);
      const words = line.trim().match(/'[^']*'|\S+/g) ?? [];
      return words.slice(1).map((word) => word.replaceAll("'", ''));
    };
    const bob = sandbox.spawn([...printed('start'), '--json']);
    expect(JSON.parse(await bob.line())).toMatchObject({
      event: 'started',
      name: 'bob',
      network: sandbox.network,
    });
    const reply = sandbox.spawn(printed('reply'));
    await reply.says('ready');
    const answer = await sandbox.run(printed('request'));
    expect(answer).toMatchObject({ status: 0, stdout: Buffer.from('hello') });
    const listener = sandbox.spawn(printed('subscribe'));
    await listener.says('hearing news');
    expect((await sandbox.run(printed('broadcast'))).status).toBe(0);
    expect(await listener.line()).toContain('it is out');
  });

  test('of several on this machine it proposes the name that is free, or the one that it is connected to', async () => {
    const banner = async (args: string[]) => {
      const running = sandbox.spawn([...args, '--discovery', 'off']);
      const lines: string[] = [];
      while (!lines.at(-1)?.includes('Ctrl-C stops it')) lines.push(await running.line());
      return lines.join('\n');
    };
    // Bob is of another network.
    await sandbox.start('bob', ['--discovery', 'off']);
    const first = await banner(['start', '--name', 'zed', '--network', `${sandbox.network}-too`]);
    expect(first).toContain('peerd start --name alice ');
    expect(first).toMatch(/peerd request zed hello --name alice$/m);
    const [zed = ''] = /\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+/.exec(first) ?? [];
    const joined = ['start', '--name', 'alice', '--network', `${sandbox.network}-too`, '--peer'];
    const second = await banner([...joined, zed]);
    expect(second).not.toContain('peerd start');
    expect(second).toMatch(/peerd request alice hello --name zed$/m);
    // Also without its id: the address alone is one of zed's.
    const third = await banner([...joined.with(2, 'carol'), zed.replace(/\/p2p\/.*/, '')]);
    expect(third).toMatch(/peerd request carol hello --name zed$/m);
    // It is the other one that dials, and has gone on while this one was away.
    const dave = await sandbox.start('dave', ['--discovery', 'off']);
    const [address = ''] = dave.info.addresses;
    await sandbox.start('erin', ['--discovery', 'off', '--peer', address]);
    expect((await sandbox.run(['stop', '--name', 'dave'])).status).toBe(0);
    const listen = ['--listen', address.replace(/\/p2p\/.*/, '')];
    const again = await banner(['start', '--name', 'dave', '--network', sandbox.network, ...listen]);
    expect(again).toMatch(/peerd request dave hello --name erin$/m);
  });

  test('of a network with a secret it prints how to join by a ticket, and that works', async () => {
    const args = [
      ...own('alice'),
      '--profile',
      'lan',
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
      '--discovery',
      'off',
    ];
    const running = sandbox.spawn(args, { env: { PEERD_NETWORK_SECRET: 'swordfish' } });
    const lines: string[] = [];
    while (!lines.at(-1)?.includes('Ctrl-C stops it')) lines.push(await running.line());
    expect(lines.join('\n')).not.toMatch(/swordfish|--peer/);
    const argsOf = (text: string) =>
      (lines.find((each) => each.includes(text)) ?? expect.unreachable(`no ${text}`))
        .trim()
        .split(' ')
        .slice(1);
    expect(lines).toContainEqual(
      expect.stringMatching(/^On another machine, .*peerd ticket --with-secret --name alice/),
    );
    expect(lines).toContain('  peerd start --name bob --profile lan --ticket -');
    const ticket = await sandbox.run(argsOf(' ticket '));
    const bob = sandbox.spawn([...argsOf('start --name bob --ticket'), '--json'], { stdin: ticket.stdout });
    expect(JSON.parse(await bob.line())).toMatchObject({ event: 'started', network: sandbox.network });
    expect((await sandbox.run(['ping', 'alice', '--name', 'bob'])).status).toBe(0);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s stops it in order: exit 0, nothing left behind',
    async (signal) => {
      const alice = await sandbox.start('alice');
      expect((await lstat(alice.info.socket)).isSocket()).toBe(true);
      const { status, stdout } = await alice.kill(signal);
      expect(status).toBe(0);
      expect(stdout.toString().trim().split('\n').at(-1)).toBe('{"event":"stopped"}');
      await expect(lstat(alice.info.socket)).rejects.toThrow();
    },
  );

  test('a peer that is killed with a call in hand: the caller hears of it at once, exit 10', async () => {
    const { bob } = await sandbox.pair();
    const reply = sandbox.spawn(['reply', '--exec', 'sleep 30', '--json', '--name', 'bob']);
    await reply.line();
    const call = sandbox.spawn(['request', 'bob', 'x', '--json', '--name', 'alice'], { stdin: '' });
    await reply.line();
    await bob.kill('SIGKILL');
    const result = await call.ended;
    expect(errorIn(result).code).toBe('disconnected');
    expect(result.status).toBe(10);
    expect((await reply.kill('SIGINT')).status).toBe(0);
  });

  test.each([
    ['an exception', 'throw new Error("a bug of ours");'],
    ['a rejection', 'void Promise.reject(new Error("a bug of ours"));'],
  ])(
    '%s that nobody caught ends it, with the reason in the log and on the terminal: exit 1',
    async (_, bug) => {
      const trap = join(sandbox.folder, 'trap.mjs');
      await writeFile(trap, `process.on("SIGUSR2", () => { ${bug} });`);
      const alice = await sandbox.start('alice', [], { env: { NODE_OPTIONS: `--import=${trap}` } });
      sandbox.expectsFaults = true;
      const result = await alice.kill('SIGUSR2');
      expect(result.status).toBe(1);
      expect(result.stderr).toContain('ended by a fault: Error: a bug of ours');
      const [, failure = ''] = result.stdout.toString().split('\n');
      expect(JSON.parse(failure).error).toEqual({
        code: 'internal',
        message: 'ended by a fault: a bug of ours',
      });
    },
  );

  test('that no longer listens, by no wish of anybody, ends with the reason: exit 1', async () => {
    const trap = join(sandbox.folder, 'trap.mjs');
    await writeFile(
      trap,
      `import net from 'node:net';
      const { listen } = net.Server.prototype;
      const servers = [];
      net.Server.prototype.listen = function (...args) {
        // Not the control socket.
        if (typeof args[0] !== 'string') servers.push(this);
        return listen.apply(this, args);
      };
      process.on('SIGUSR2', () => { for (const server of servers) server.close(); });`,
    );
    const alice = await sandbox.start('alice', [], { env: { NODE_OPTIONS: `--import=${trap}` } });
    // With a connection open, libp2p itself hears nothing of it.
    const bob = await sandbox.start('bob', ['--peer', alice.info.addresses[0] as string]);
    expect((await sandbox.run(['ping', alice.info.id, '--name', 'bob'])).status).toBe(0);
    const { status, stdout, stderr } = await alice.kill('SIGUSR2');
    expect(status).toBe(1);
    const reason = `the network stack failed: nothing listens on ${alice.info.addresses[0]} any more`;
    expect(JSON.parse(stdout.toString().split('\n')[1] ?? '').error).toEqual({
      code: 'internal',
      message: reason,
    });
    expect(stderr).toContain(reason);
    expect((await bob.kill('SIGTERM')).status).toBe(0);
  });

  test('logs go to standard error, a JSON object a line', async () => {
    const running = sandbox.spawn([...own('alice'), '--json', '--log-level', 'debug']);
    await running.line();
    const { stdout, stderr } = await running.kill('SIGTERM');
    expect(stdout.toString().trim().split('\n')).toHaveLength(2);
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ level: 30, msg: expect.stringContaining('a new identity was made') });
  });

  test('its identity and its known peers are there after a restart', async () => {
    const first = await sandbox.start('alice');
    await first.kill('SIGTERM');
    const second = await sandbox.start('alice');
    expect(second.info.id).toBe(first.info.id);
  });

  test('takes over from a daemon that was killed: lock, socket and all', async () => {
    const first = await sandbox.start('alice');
    await first.kill('SIGKILL');
    expect((await lstat(first.info.socket)).isSocket()).toBe(true);
    expect((await sandbox.run(['status', '--name', 'alice'])).status).toBe(8);
    const second = await sandbox.start('alice');
    expect(second.info.id).toBe(first.info.id);
    expect((await sandbox.run(['status'])).status).toBe(0);
  });

  test('the secret of a configuration file is its identity, and no key file is made', async () => {
    const keygen = await sandbox.run(['keygen', '--json']);
    const { secret, id } = JSON.parse(keygen.stdout.toString());
    const file = join(sandbox.folder, 'peerd.toml');
    await writeFile(file, `secret = "${secret}"\n`);
    const alice = await sandbox.start('alice', ['--config', file]);
    expect(alice.info.id).toBe(id);
    await expect(lstat(join(alice.info.data, 'key'))).rejects.toThrow();
  });
});

describe('start refuses, with exit 2 and the reason', () => {
  async function refused(args: readonly string[]): Promise<string> {
    const result = await sandbox.run([...args, '--json', '--log-level', 'error']);
    expect(result.status).toBe(2);
    const { code, message } = errorIn(result);
    expect(code).toBe('invalid');
    return message;
  }

  test('a data directory that another daemon has', async () => {
    const alice = await sandbox.start('alice');
    const message = await refused([...own('bob'), '--data', alice.info.data]);
    expect(message).toContain(`in use by process ${alice.pid} (socket ${alice.info.socket})`);
    expect(message).toContain('choose another directory with --data');
    expect((await sandbox.run(['status'])).status).toBe(0);
  });

  test('a socket that another daemon has', async () => {
    const alice = await sandbox.start('alice');
    const message = await refused([...own('bob'), '--socket', alice.info.socket]);
    expect(message).toContain(`another daemon already listens on ${alice.info.socket}`);
  });

  test('a data directory that can not be made', async () => {
    await writeFile(join(sandbox.folder, 'file'), '');
    const data = join(sandbox.folder, 'file', 'data');
    expect(await refused([...own('alice'), '--data', data])).toContain(
      `${data} can't be made: a part of its path is`,
    );
    expect(await refused([...own('alice'), '--data', dirname(data)])).toContain(
      'there is a file of that name',
    );
    // The kernel makes no directory there for anyone, whatever the rights.
    expect(await refused([...own('alice'), '--data', '/proc/peerd'])).toContain("/proc/peerd can't be made");
  });

  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const message = await refused([...own('alice'), '--listen', `/ip4/127.0.0.1/tcp/${port}`]);
    expect(message).toContain(`/ip4/127.0.0.1/tcp/${port}`);
    await new Promise((resolve) => server.close(resolve));
  });

  test('a bad configuration, with file, line and key', async () => {
    const file = join(sandbox.folder, 'peerd.toml');
    await writeFile(file, '# mine\nprofile = "wan"\nlissten = []\n');
    const message = await refused([...own('alice'), '--config', file]);
    expect(message).toContain(`${file}:2: profile: `);
    expect(message).toContain(`${file}:3: unknown key lissten: did you mean listen?`);
  });

  test.each([
    ['--listen', '/ip4/nowhere/tcp/0'],
    ['--peer', 'bob'],
  ])('a bad address: %s %s', async (flag, value) => {
    expect(await refused([...own('alice'), flag, value])).toContain(value);
  });

  test('a key that others can read, with the command that mends it', async () => {
    const alice = await sandbox.start('alice');
    const key = join(alice.info.data, 'key');
    expect((await lstat(key)).mode & 0o777).toBe(0o600);
    await alice.kill('SIGTERM');
    await chmod(key, 0o644);
    expect(await refused(own('alice'))).toContain(`chmod 600 ${key}`);
    await chmod(key, 0o600);
    await sandbox.start('alice');
  });

  test('a key that is none, without showing it', async () => {
    const data = join(sandbox.folder, 'own');
    await mkdir(data, { mode: 0o700 });
    await writeFile(join(data, 'key'), 'swordfish', { mode: 0o600 });
    const message = await refused([...own('alice'), '--data', data]);
    expect(message).toContain(join(data, 'key'));
    expect(message).not.toContain('swordfish');
    expect(await readFile(join(data, 'key'), 'utf8')).toBe('swordfish');
  });

  test('a socket folder that is open to others, with the command that mends it', async () => {
    const folder = join(sandbox.folder, 'run', 'peerd');
    await mkdir(folder);
    await chmod(folder, 0o755);
    expect(await refused(own('alice'))).toContain(`chmod 700 ${folder}`);
  });
});
