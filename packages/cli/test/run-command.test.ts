import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CommandRunner } from '../src/run-command.ts';
import { isRunning } from './sandbox.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerd-run-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const run = (command: string) =>
  new CommandRunner(command, 1).run(Buffer.from('hello'), {}, new AbortController().signal);

test('what a command leaves running ends with its shell', async () => {
  const file = join(folder, 'pid');
  const answer = await run(`sleep 4321 >/dev/null 2>&1 </dev/null & echo $! > ${file}; cat`);
  expect(Buffer.from(answer).toString()).toBe('hello');
  const pid = Number(await readFile(file, 'utf8'));
  await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false);
});

test('no more commands run at a time than asked for; one that waits can be called off', async () => {
  const runner = new CommandRunner('cat', 1);
  const starts: string[] = [];
  const go = join(folder, 'go');
  const first = new CommandRunner(`until [ -e ${go} ]; do sleep 0.01; done; echo first`, 1);
  const never = new AbortController().signal;
  const leaving = new AbortController();
  const runs = [
    first.run(Buffer.alloc(0), {}, never).then(() => starts.push('first')),
    first.run(Buffer.alloc(0), {}, leaving.signal),
    first.run(Buffer.alloc(0), {}, never).then(() => starts.push('third')),
  ] as const;
  leaving.abort(new Error('the caller left'));
  await expect(runs[1]).rejects.toThrow('the caller left');
  await runner.run(Buffer.from('another runner is not held up'), {}, never);
  expect(starts).toEqual([]);
  await writeFile(go, '');
  await Promise.all([runs[0], runs[2]]);
  expect(starts).toEqual(['first', 'third']);
});

test('an answer over the limit ends the command, told once', async () => {
  const kill = vi.spyOn(process, 'kill');
  await expect(run("trap 'exit 0' TERM; head -c 80000000 /dev/zero; sleep 0.1")).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('over 67108864 bytes'),
  });
  expect(kill.mock.calls.filter(([, signal]) => signal === 'SIGTERM')).toHaveLength(1);
});

test.runIf(process.platform === 'linux')(
  'what leaves the group of a command and keeps its output open holds up neither the answer nor the next',
  async () => {
    const pids = join(folder, 'pids');
    const leave = `setsid sh -c 'echo $$ >> ${pids}; touch ${folder}/left; exec sleep 4321' &`;
    const runner = new CommandRunner(`${leave} until [ -e ${folder}/left ]; do sleep 0.01; done; cat`, 1);
    const never = new AbortController().signal;
    try {
      const answers = [
        await runner.run(Buffer.from('first'), {}, never),
        await runner.run(Buffer.from('second'), {}, never),
      ];
      expect(answers.map((each) => Buffer.from(each).toString())).toEqual(['first', 'second']);
    } finally {
      const left = (await readFile(pids, 'utf8')).trim().split('\n').map(Number);
      for (const pid of left) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    }
  },
);
