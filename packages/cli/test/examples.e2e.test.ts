import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type SocketClient } from '@peerd/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { visibleCommands } from '../reference/commands.ts';
import { guidanceOf } from '../src/examples.ts';
import { createProgram } from '../src/program.ts';
import { type RunningDaemon, Sandbox } from './sandbox.ts';

const examples = visibleCommands(await createProgram()).flatMap(({ name, command }) =>
  (guidanceOf(command)?.examples ?? []).map((example) => ({ name, example })),
);

/** Commands that go on until Ctrl-C, and what they say when they have begun. */
const begun: Record<string, RegExp> = {
  start: /Ctrl-C stops it/,
  reply: /ready: /,
  subscribe: /hearing |"subscribed"/,
  'logs -f': /following /,
  'routes --watch': /watching the routes/,
  watch: /watching|"watching"/,
};

/** Where the example is for a shell other than bash. */
const shellOf = (example: string) =>
  /\bcompletion (zsh|fish)\b/.exec(example)?.[1] as 'zsh' | 'fish' | undefined;

/** What has to be there besides the daemons; jq is not on every machine. */
const around = 'jq() { cat; }; compdef() { :; }';

/** Runs a line: to its end, or until what goes on has begun. */
async function works(sandbox: Sandbox, line: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const shell = shellOf(line);
  const text = shell === 'fish' ? line : `${around}\n${line}`;
  const last = line.split('&&').at(-1)?.trim().split(' ')[1] ?? '';
  const withOption = Object.keys(begun).find((key) => key.includes(' ') && line.includes(`peerd ${key}`));
  const ready = begun[withOption ?? last];
  const running = sandbox.shellIn(shell ?? 'bash', text, {
    env,
    ...(ready === undefined ? { stdin: '' } : {}),
  });
  if (ready === undefined) {
    const { status, stderr } = await running.ended;
    expect({ status, stderr }).toMatchObject({ status: 0 });
  } else {
    await expect.poll(() => running.stdout + running.stderr, { timeout: 20_000 }).toMatch(ready);
    await running.killAll();
  }
}

const ofDaemons = (name: string) => /^peerd (start|stop)$/.test(name);
const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;
// The demo has a test of its own.
const of = (kind: boolean) =>
  examples.filter(({ name }) => ofDaemons(name) === kind && name !== 'peerd demo');

describe('the examples work as they are', () => {
  let sandbox: Sandbox;
  let bob: RunningDaemon;
  let program: SocketClient;
  beforeAll(async () => {
    sandbox = await Sandbox.make();
    ({ bob } = await sandbox.pair());
    program = await connect({ socket: bob.info.socket });
    for (const service of ['', 'upper']) await program.handle(service, ({ payload }) => payload);
    await program.subscribe('news');
    await writeFile(join(sandbox.folder, 'peerd.toml'), 'profile = "local"\n');
    await writeFile(join(sandbox.folder, 'photo.jpg'), 'a photo');
    await writeFile(join(sandbox.folder, 'phrase.txt'), 'correct horse\n');
  });
  afterAll(async () => {
    await program.close();
    await sandbox.close();
  });

  test.for(of(false))('$example', async ({ example }, { skip }) => {
    skip(!has(shellOf(example) ?? 'bash'), 'the shell is not installed');
    const line = example
      .replace(/\/ip4\/[\d.]+\/tcp\/4001(\/p2p\/12D3KooW…)?/, bob.info.addresses[0] as string)
      .replace('12D3KooWabc', bob.info.id.slice(0, 20));
    await works(sandbox, line, { PEERD_NAME: 'alice', PEERD_PASSPHRASE: 'correct horse' });
  });
});

describe('the examples that start and stop daemons work as they are', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.make();
  });
  afterEach(() => sandbox.close());

  test.each(of(true))('$example', async ({ name, example }) => {
    const other = await sandbox.start(name === 'peerd stop' ? 'alice' : 'carol');
    const [address] = other.info.addresses;
    await works(sandbox, example.replace(/\/ip4\/[\d.]+\/tcp\/4001(\/p2p\/12D3KooW…)?/, address as string));
  });
});
