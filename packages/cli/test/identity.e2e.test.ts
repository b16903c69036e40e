import { lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { undocumented } from './json-types.ts';
import { errorIn, type RunOptions, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let file: string;
beforeEach(async () => {
  sandbox = await Sandbox.make();
  file = join(sandbox.folder, 'alice.identity');
});
afterEach(() => sandbox.close());

const phrase = { env: { PEERD_PASSPHRASE: 'correct horse' } };
const identity = (args: readonly string[], options: RunOptions = phrase) =>
  sandbox.run(['identity', ...args, '--json'], options);

/** Alice, who ran once, and whose identity is in the file. */
async function exported(): Promise<{ id: string; data: string }> {
  const alice = await sandbox.start('alice');
  const result = await identity(['export', '--name', 'alice', '--output', file]);
  expect(result.status).toBe(0);
  expect(undocumented('peerd identity export', result.stdout)).toEqual([]);
  await alice.kill('SIGTERM');
  return alice.info;
}

test('an identity goes to another daemon, and is the same peer there', async () => {
  const { id } = await exported();
  expect((await lstat(file)).mode & 0o777).toBe(0o600);
  const imported = await identity(['import', file, '--name', 'bob']);
  expect(JSON.parse(imported.stdout.toString())).toEqual({ id, keptAside: null });
  const bob = await sandbox.start('bob');
  expect(bob.info.id).toBe(id);
  expect((await lstat(join(bob.info.data, 'key'))).mode & 0o777).toBe(0o600);
  const shown = await identity(['show', '--name', 'bob']);
  expect(JSON.parse(shown.stdout.toString())).toEqual({ id });
  expect((await sandbox.run(['identity', 'show', '--name', 'alice'])).stdout.toString()).toBe(`${id}\n`);
});

test('an identity that something else on this machine has is warned of, by import and by start', async () => {
  const { id, data } = await exported();
  const stopped = await identity(['import', file, '--name', 'bob']);
  expect(stopped.stderr).toMatch(`warning: ${id} is also the identity of ${data}: `);
  const bob = await sandbox.start('bob');
  await bob.says(`${id} is also the identity of ${data}: `);
  const running = await identity(['import', file, '--name', 'carol']);
  expect(running.stderr).toContain(`is also the identity of bob (which runs) and of ${data}: `);
  await bob.kill('SIGTERM');
  const dave = await sandbox.start('dave');
  await dave.kill('SIGTERM');
  expect(dave.stderr).not.toContain('also the identity');
});

test('a key that is there is replaced only with --force, and kept aside', async () => {
  const { id } = await exported();
  const bob = await sandbox.start('bob');
  const running = await identity(['import', file, '--name', 'bob', '--force']);
  expect(running.status).toBe(2);
  expect(errorIn(running).message).toContain(`in use by process ${bob.pid}`);
  await bob.kill('SIGTERM');

  const key = await readFile(join(bob.info.data, 'key'), 'utf8');
  const refused = await identity(['import', file, '--name', 'bob']);
  expect(refused.status).toBe(2);
  expect(errorIn(refused).message).toContain('--force');
  expect(await readFile(join(bob.info.data, 'key'), 'utf8')).toBe(key);

  const forced = await identity(['import', file, '--name', 'bob', '--force']);
  const { keptAside } = JSON.parse(forced.stdout.toString());
  expect(await readFile(keptAside, 'utf8')).toBe(key);
  expect((await sandbox.start('bob')).info.id).toBe(id);
  expect((await readdir(bob.info.data)).filter((name) => name.startsWith('key.new'))).toEqual([]);
});

test('a wrong passphrase, one that is missing, and one in a file', async () => {
  const { id } = await exported();
  const wrong = await identity(['import', file, '--name', 'bob'], {
    env: { PEERD_PASSPHRASE: 'wrong horse' },
  });
  expect(wrong.status).toBe(2);
  expect(errorIn(wrong).message).toBe(`the passphrase is not that of this identity (${id})`);
  const missing = await identity(['import', file, '--name', 'bob'], {});
  expect(errorIn(missing)).toMatchObject({
    code: 'usage',
    message: expect.stringContaining('--passphrase-file'),
  });
  await writeFile(join(sandbox.folder, 'phrase'), 'correct horse\n');
  const read = await identity(['import', file, '--name', 'bob', '--passphrase-file', 'phrase'], {});
  expect(JSON.parse(read.stdout.toString()).id).toBe(id);
});

test('what is in the way is told before a passphrase is wanted', async () => {
  await exported();
  const withoutPhrase = (args: readonly string[]) => identity(args, {});
  const bob = await sandbox.start('bob');
  const running = await withoutPhrase(['import', file, '--name', 'bob', '--force']);
  expect(errorIn(running).message).toContain(`in use by process ${bob.pid}`);
  await bob.kill('SIGTERM');
  const taken = await withoutPhrase(['import', file, '--name', 'bob']);
  expect(errorIn(taken).message).toContain('--force');
  const garbage = join(sandbox.folder, 'garbage');
  await writeFile(garbage, 'peerd');
  const unreadable = await withoutPhrase(['import', garbage, '--name', 'bob', '--force']);
  expect(errorIn(unreadable).message).toContain('no exported identity');
  for (const [output, why] of [
    [file, 'there is a file of that name'],
    [join(sandbox.folder, 'nowhere', 'x'), 'a folder of its path does not exist'],
  ] as const) {
    const refused = await withoutPhrase(['export', '--name', 'alice', '--output', output]);
    expect(errorIn(refused)).toMatchObject({
      code: 'invalid',
      message: `${output} can't be written: ${why}. Choose another place with --output`,
    });
  }
});

test('an export goes to standard output, and never over a file', async () => {
  await exported();
  const before = await readFile(file, 'utf8');
  const again = await identity(['export', '--name', 'alice', '--output', file]);
  expect(again.status).toBe(2);
  expect(errorIn(again).message).toContain(`${file} can't be written`);
  expect(await readFile(file, 'utf8')).toBe(before);
  const text = await sandbox.run(['identity', 'export', '--name', 'alice'], phrase);
  expect(text.stdout.toString()).toMatch(/^peerd-identity-1\n/);
});

test('without a key there is nothing to export, and a secret in the configuration would win over an import', async () => {
  const none = await identity(['export', '--name', 'nobody']);
  expect(errorIn(none)).toMatchObject({ code: 'invalid', message: expect.stringContaining('no identity') });
  await exported();
  const { secret } = JSON.parse((await sandbox.run(['keygen', '--json'])).stdout.toString());
  const env = { ...phrase.env, PEERD_SECRET: secret };
  const refused = await identity(['import', file, '--name', 'bob'], { env });
  expect(errorIn(refused).message).toContain('PEERD_SECRET has a secret');
});
