import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import {
  checkSocketFolder,
  checkSocketPath,
  listDaemons,
  makeSocketFolder,
  type Owner,
  socketFolder,
  socketPath,
} from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const invalid = (text: string) =>
  expect.objectContaining({ code: 'invalid', message: expect.stringContaining(text) });

describe('socket paths', () => {
  let folder: string;
  let owner: Owner;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-paths-'));
    owner = { env: { XDG_RUNTIME_DIR: folder }, uid: process.getuid?.() };
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('are below XDG_RUNTIME_DIR, or below /tmp by user id without it', () => {
    expect(socketPath('alice', { env: { XDG_RUNTIME_DIR: '/run/user/7' }, uid: 7 })).toBe(
      '/run/user/7/peerd/alice.sock',
    );
    expect(socketPath('alice', { env: {}, uid: 7 })).toBe('/tmp/peerd-7/alice.sock');
  });

  test.each(['', '.', '..', '../alice', '-x', 'a/b', 'a b', 'x'.repeat(64)])(
    'no daemon is called %j',
    (name) => {
      expect(() => socketPath(name, owner)).toThrow(invalid('is no name of a daemon'));
    },
  );

  test('a path that the system would cut short is refused', () => {
    expect(() => checkSocketPath(`/tmp/${'x'.repeat(120)}.sock`)).toThrow(invalid('--socket'));
    checkSocketPath('/tmp/short.sock');
  });

  test('the folder is made closed to others', async () => {
    await makeSocketFolder(socketFolder(owner), owner);
    expect((await stat(socketFolder(owner))).mode & 0o777).toBe(0o700);
    await makeSocketFolder(socketFolder(owner), owner);
  });

  test('a folder open to others is refused with the command that mends it', async () => {
    const path = socketFolder(owner);
    await mkdir(path);
    await chmod(path, 0o755);
    await expect(makeSocketFolder(path, owner)).rejects.toThrow(invalid(`chmod 700 ${path}`));
    await chmod(path, 0o700);
    await makeSocketFolder(path, owner);
  });

  test("somebody else's folder is refused", async () => {
    const path = socketFolder(owner);
    await mkdir(path, { mode: 0o700 });
    const other = { ...owner, uid: (owner.uid ?? 0) + 1 };
    await expect(checkSocketFolder(path, other)).rejects.toThrow(invalid('belongs to user'));
  });

  test('a file where the folder should be is refused', async () => {
    await writeFile(socketFolder(owner), '');
    await expect(makeSocketFolder(socketFolder(owner), owner)).rejects.toThrow(invalid(socketFolder(owner)));
  });

  test('the names are those of the sockets, and none without the folder', async () => {
    expect(await listDaemons(owner)).toEqual([]);
    const path = socketFolder(owner);
    await mkdir(path, { mode: 0o700 });
    for (const file of ['bob.sock', 'alice.sock', 'notes.txt', '.sock'])
      await writeFile(join(path, file), '');
    expect(await listDaemons(owner)).toEqual(['alice', 'bob']);
  });
});
