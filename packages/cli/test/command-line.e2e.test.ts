import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { flawOf, links, stepsOf } from '../src/demo/graph.ts';
import { undocumented } from './json-types.ts';
import { errorIn, isRunning, type Running, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.make();
});
afterAll(() => sandbox.close());

describe('the command line', () => {
  test('--version prints a version', async () => {
    const { status, stdout } = await sandbox.run(['--version']);
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/^\d+\.\d+\.\d+/);
  });

  test.each([
    ['--version', '--json'],
    ['--json', '-V'],
    ['--json', 'status', '--version'],
  ])('%s %s: the version is one object', async (...args) => {
    const { status, stdout } = await sandbox.run(args);
    expect(status).toBe(0);
    expect(undocumented('peerd --version', stdout)).toEqual([]);
    const text = await sandbox.run(['--version']);
    expect(JSON.parse(stdout.toString())).toEqual({ version: text.stdout.toString().trim() });
  });

  const needed = manifest.engines.node.replace('>=', '');
  /** A Node that says it is that one. */
  const pretending = (version: string, without = '') => {
    const older = `Object.defineProperty(process.versions,'node',{value:'${version}'});${without}`;
    return { env: { NODE_OPTIONS: `--import=data:text/javascript,${older}` } };
  };

  test('runs on the oldest Node that its package names', async () => {
    expect((await sandbox.run(['--version'], pretending(`${needed}.0`))).status).toBe(0);
  });

  test.each(['20.20.2', '22.17.9'])('on Node %s says which is needed, and ends', async (version) => {
    const older = pretending(version, 'delete(Map.groupBy)');
    const text = await sandbox.run(['status'], older);
    const reason = `Node ${needed} or newer is needed, and this is ${version} `;
    expect(text).toMatchObject({ status: 1, stdout: Buffer.alloc(0) });
    expect(text.stderr).toMatch(/^peerd: .* \(internal\)\n$/);
    expect(text.stderr).toContain(reason);
    const json = await sandbox.run(['status', '--json'], older);
    expect(json).toMatchObject({ status: 1, stderr: '' });
    expect(undocumented('peerd status', json.stdout)).toEqual([]);
    expect(errorIn(json)).toMatchObject({ code: 'internal', message: expect.stringContaining(reason) });
  });

  test.each([
    [['reqest', 'bob'], 'request'],
    [['request'], 'peer'],
    [['request', 'bob', 'x', '--timeout', 'soon'], '5s'],
    [['subscribe'], 'topic'],
    [['subscribe', 'news', '--count', '0'], 'from 1 up'],
    [['reply'], '--exec'],
    [['reply', '--echo', '--exec', 'cat'], '--exec'],
    [['reply', '--exec', ''], '--exec has no command'],
    [['reply', '--exec', ' \n '], '--exec has no command'],
    [['reply', '--echo', '--jobs', '2'], '--jobs'],
    [['help', 'nonsense'], "unknown command 'nonsense'"],
    [['config', 'help', 'nonsense'], "unknown command 'nonsense'"],
    [['reply', '--exec', 'cat', '--jobs', '0'], 'from 1 up'],
    [['start', '--profile', 'moon'], 'local, lan, internet'],
    [['status', '--loud'], '--loud'],
    [['config', 'check', '--loud'], '--loud'],
    [['identity', 'import'], 'file'],
  ])('a mistake is exit 2 with the reason: peerd %j', async (args, reason) => {
    const text = await sandbox.run(args);
    expect(text.status).toBe(2);
    expect(text.stderr).toContain(reason);
    expect(text.stdout.toString()).toBe('');
    const json = await sandbox.run([...args, '--json']);
    expect(json.status).toBe(2);
    expect(errorIn(json)).toMatchObject({ code: 'usage', message: expect.stringContaining(reason) });
  });

  test('no command is exit 2, with the help or, as JSON, the reason', async () => {
    const text = await sandbox.run([]);
    expect(text).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage: peerd') });
    const json = await sandbox.run(['--json']);
    expect(json).toMatchObject({ status: 2, stderr: '' });
    expect(errorIn(json)).toMatchObject({ code: 'usage', message: 'no command was given' });
  });

  test.runIf(existsSync('/dev/full'))(
    'output that can not be written is a failure that is told',
    async () => {
      const command = sandbox.shell('peerd keygen > /dev/full');
      const { status, stderr } = await command.ended;
      expect(status).toBe(1);
      expect(stderr).toContain("standard output can't be written: ");
    },
  );

  test('a failure that nobody reads keeps its exit status', async () => {
    const command = sandbox.spawn(['status', '--json']);
    command.child.stdout.destroy();
    expect((await command.ended).status).toBe(8);
  });

  test('what follows -- is no option', async () => {
    const { status, stdout, stderr } = await sandbox.run(['keygen', '--loud', '--', '--json']);
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('--loud');
  });

  // A daemon that takes the connection and says nothing more.
  test.each([
    ['subscribe', 'news'],
    ['reply', '--echo'],
  ])('Ctrl-C is heard while it connects: peerd %s %s', async (...args) => {
    const path = join(sandbox.folder, `${args[0]}.sock`);
    const server = createServer().listen(path);
    const connected = once(server, 'connection');
    const command = sandbox.spawn([...args, '--socket', path]);
    const [socket] = await connected;
    expect(await command.kill('SIGINT')).toMatchObject({ status: 130, signal: 'SIGINT' });
    (socket as Socket).destroy();
    server.close();
  });

  test('no daemon runs: exit 8, with what to do', async () => {
    const result = await sandbox.run(['status', '--json']);
    expect(result.status).toBe(8);
    expect(errorIn(result)).toMatchObject({
      code: 'daemon-unavailable',
      message: expect.stringContaining('peerd start'),
    });
  });

  test('a daemon that does not run is told of as it was named, with those that do', async () => {
    const said = async (...args: string[]) => {
      const { status, stderr } = await sandbox.run(args);
      expect(status).toBe(8);
      return stderr.trimEnd();
    };
    expect(await said('stop')).toBe('peerd: no daemon runs (daemon-unavailable)');
    const alice = await sandbox.start('alice', ['--discovery', 'off']);
    expect(await said('status', '--name', 'charlie')).toBe(
      'peerd: no daemon called charlie runs (no socket is there); alice runs here; start it with: peerd start --name charlie (daemon-unavailable)',
    );
    expect(await said('stop', '--name', 'bob')).toBe(
      'peerd: no daemon called bob runs (no socket is there); alice runs here (daemon-unavailable)',
    );
    const path = join(sandbox.folder, 'none.sock');
    expect(await said('status', '--socket', path)).toBe(
      `peerd: no daemon is at ${path}: no socket is there; alice runs here (daemon-unavailable)`,
    );
    await alice.kill('SIGKILL');
    expect(await said('status', '--name', 'alice')).toBe(
      'peerd: no daemon called alice runs (a daemon that has ended left its socket behind); no other runs here; start it with: peerd start --name alice (daemon-unavailable)',
    );
  });

  test('keygen makes another secret each time', async () => {
    const [one, two] = await Promise.all([sandbox.run(['keygen']), sandbox.run(['keygen'])]);
    expect(one.status).toBe(0);
    expect(one.stdout.toString()).toMatch(/^[1-9A-HJ-NP-Za-km-z]{43,44}\n$/);
    expect(one.stdout).not.toEqual(two.stdout);
  });

  test('what only talks to a daemon never loads libp2p', async () => {
    // From the source: in the bundle a module has no name.
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const line = `'${process.execPath}' --conditions=@peerd/source '${main}' status`;
    const { stderr } = await sandbox.shell(line, { env: { NODE_DEBUG: 'esm' } }).ended;
    expect(stderr).toContain('@peerd/client');
    expect(stderr).not.toContain('libp2p');
  });
});

describe('demo', () => {
  const folders = async () => (await readdir(tmpdir())).filter((each) => each.startsWith('peerd-demo-'));

  test("shows every step and cleans up, whatever the user's own daemons are told", async () => {
    const [data, config] = [join(sandbox.folder, 'mine'), join(sandbox.folder, 'config')];
    await mkdir(join(config, 'peerd'), { recursive: true });
    await writeFile(join(config, 'peerd', 'config.toml'), 'listen = ["/ip4/192.0.2.7/tcp/1"]');
    const socket = join(sandbox.folder, 'mine.sock');
    const { status, stdout, stderr } = await sandbox.run(['demo', '--json'], {
      env: { PEERD_NAME: 'somebody', PEERD_DATA: data, PEERD_SOCKET: socket, XDG_CONFIG_HOME: config },
    });
    expect(existsSync(data)).toBe(false);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const events = stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event);
    expect(events).toEqual([
      'start',
      'start',
      'known',
      'request',
      'response',
      'broadcast',
      'kill',
      'gone',
      'done',
    ]);
  });

  test.each([[[]], [['--strategy', 'source']]])(
    'of the mesh shows two requests that were answered over links that were there, and cleans up: %j',
    async (args) => {
      const before = await folders();
      const { status, stdout, stderr } = await sandbox.run(['demo', 'mesh', '--json', ...args]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(undocumented('peerd demo', stdout)).toEqual([]);
      const steps = `${stdout}`
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const start = Array.from({ length: 6 }, () => 'start');
      expect(steps.map(({ event }) => event)).toEqual([
        ...start,
        'linked',
        'known',
        'request',
        'response',
        'cut',
        'request',
        'response',
        'done',
      ]);
      const [first, second] = steps.filter(({ event }) => event === 'response').map(({ path }) => path);
      const [, cut] = stepsOf(first);
      expect(flawOf(first, [4, 5], links)).toBeUndefined();
      const standing = links.filter((link) => `${link}` !== `${cut}`);
      expect(standing).toHaveLength(links.length - 1);
      expect(flawOf(second, [4, 5], standing)).toBeUndefined();
      expect(steps.find(({ event }) => event === 'cut').text).toContain(cut?.join('-'));
      expect(steps.flatMap(({ pid }) => pid ?? []).map(isRunning)).toEqual(start.map(() => false));
      expect(await folders()).toEqual(before);
    },
  );

  test('takes a strategy for the mesh alone', async () => {
    const { status, stderr } = await sandbox.run(['demo', '--strategy', 'table']);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('--strategy is for peerd demo mesh'),
    });
  });

  test.each([
    ['is interrupted', 130, (demo: Running) => demo.child.kill('SIGINT')],
    ['is told to end', 143, (demo: Running) => demo.child.kill('SIGTERM')],
    ['has nobody who reads on', 0, (demo: Running) => demo.child.stdout.destroy()],
    ['loses a daemon and so fails', 8, (_: Running, [pid = 0]: number[]) => process.kill(pid, 'SIGKILL')],
  ])('leaves nothing behind when it %s', async (_, expected, end) => {
    for (const what of ['tour', 'mesh']) {
      const before = await folders();
      const demo = sandbox.spawn(['demo', what, '--json']);
      const started = [JSON.parse(await demo.line()), JSON.parse(await demo.line())];
      expect(started).toMatchObject([{ event: 'start' }, { event: 'start' }]);
      const pids = started.map(({ pid }) => pid as number);
      expect(pids.map(isRunning)).toEqual([true, true]);
      end(demo, pids);
      expect({ what, status: (await demo.ended).status }).toEqual({ what, status: expected });
      await expect.poll(() => pids.map(isRunning), { timeout: 5_000 }).toEqual([false, false]);
      expect(await folders()).toEqual(before);
    }
  });
});
