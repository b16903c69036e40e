import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daemon, loadConfig, startDaemon } from '../src/index.ts';

const guide = readFileSync(new URL('../../../docs/guide/own-program.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'peerd-guide-'));
const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: folder };
const daemons: Daemon[] = [];

async function start(name: string, peers: readonly string[]): Promise<Daemon> {
  const flags = {
    name,
    network: `guide-${process.pid}`,
    discovery: 'off',
    peers,
    socket: join(folder, 'peerd', `${name}.sock`),
  };
  const daemon = await startDaemon({ config: await loadConfig({ env, flags }) });
  daemons.push(daemon);
  return daemon;
}

beforeAll(async () => {
  mkdirSync(join(folder, 'peerd'), { mode: 0o700 });
  const alice = await start('alice', []);
  const bob = await start('bob', [alice.info.addresses[0] as string]);
  await bob.client.ping('alice');
});

afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  rmSync(folder, { recursive: true, force: true });
});

class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string) {
    const [, source] = new RegExp(`\`\`\`ts ${name}\n([\\s\\S]*?)\`\`\``).exec(guide) ?? [];
    if (source === undefined) throw new Error(`the guide has no program ${name}`);
    const args = ['--conditions=@peerd/source', '--input-type=module-typescript', '-'];
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const child = spawn(process.execPath, args, { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(source);
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#child = child;
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the program ended early');
    return value;
  }

  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.ended();
  }
}

test('the service of the guide answers what its caller asks, and refuses what makes no sense', async () => {
  await using service = new Program('service.ts');
  expect(await service.line()).toBe('ready');
  await using ask = new Program('ask.ts');
  expect(await ask.line()).toBe('3 apples');
  expect(await ask.line()).toBe('refused: 0 of pears: how many do you want?');
  expect(await ask.ended()).toBe(0);
});

test('the ways of the guide are those that there are', async () => {
  const [alice] = daemons;
  await using _ = await alice?.client.handle('greetings', ({ payload }) => payload);
  await using way = new Program('way.ts');
  expect(await way.line()).toBe('alice: links 1, over alice');
  expect(await way.line()).toMatch(/^1 alice \d+\.\d$/);
  expect(await way.line()).toBe('alice');
  expect(await way.ended()).toBe(0);
});

test('what is told in the guide is heard, and both programs come to their end', async () => {
  await using hear = new Program('hear.ts');
  expect(await hear.line()).toBe('listening');
  await using tell = new Program('tell.ts');
  expect(await tell.line()).toBe('sent to 1');
  expect(await hear.line()).toBe('it is out');
  expect(await Promise.all([hear.ended(), tell.ended()])).toEqual([0, 0]);
});

test('a program that watches its connection is one that ends by itself', async () => {
  await using watch = new Program('watch.ts');
  expect(await watch.line()).toBe('alice has 1 connected');
  expect(await watch.ended()).toBe(0);
});
