import { mkdtemp, readFile, rm } from 'node:fs/promises';
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
  new CommandRunner(command).run(Buffer.from('hello'), new AbortController().signal);

test('what a command leaves running ends with its shell', async () => {
  const file = join(folder, 'pid');
  const answer = await run(`sleep 4321 >/dev/null 2>&1 </dev/null & echo $! > ${file}; cat`);
  expect(Buffer.from(answer).toString()).toBe('hello');
  const pid = Number(await readFile(file, 'utf8'));
  await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false);
});

test('an answer over the limit ends the command, told once', async () => {
  const kill = vi.spyOn(process, 'kill');
  await expect(run("trap 'exit 0' TERM; head -c 80000000 /dev/zero; sleep 0.1")).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('over 67108864 bytes'),
  });
  expect(kill.mock.calls.filter(([, signal]) => signal === 'SIGTERM')).toHaveLength(1);
});
