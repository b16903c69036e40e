import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Log } from '@peerd/core';
import { encodeSecret, generateSecret } from '@peerd/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDataDirectory } from '../src/data/directory.ts';
import { storageError } from '../src/data/errors.ts';
import { readKey, readOrMakeKey } from '../src/data/key-file.ts';

const invalid = (text: string) =>
  expect.objectContaining({ code: 'invalid', message: expect.stringContaining(text) });

let folder: string;
let path: string;
let warnings: string[];
let log: Log;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerd-data-'));
  path = join(folder, 'data');
  warnings = [];
  log = { debug() {}, info() {}, warn: (message) => warnings.push(message), error() {} };
});
afterEach(() => rm(folder, { recursive: true }));

describe('the data directory', () => {
  test('is made closed to others, and says who holds it', async () => {
    const data = await openDataDirectory(path, '/run/alice.sock', log);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    const holder = JSON.parse(await readFile(join(path, 'daemon.json'), 'utf8'));
    expect(holder).toMatchObject({ pid: process.pid, socket: '/run/alice.sock' });
    await data.close();
    await expect(access(join(path, 'daemon.json'))).rejects.toThrow();
  });

  test('is for one daemon: the second is told who has it', async () => {
    const data = await openDataDirectory(path, '/run/alice.sock', log);
    await expect(openDataDirectory(path, '/run/bob.sock', log)).rejects.toThrow(
      invalid(`${path} is in use by process ${process.pid} (socket /run/alice.sock)`),
    );
    for (const [source, remedy] of [
      ['default', 'choose another name with --name'],
      ['--data', 'choose another directory with --data'],
      ['PEERD_DATA', 'choose another directory with --data (this one is from PEERD_DATA)'],
    ] as const)
      await expect(openDataDirectory(path, '/run/bob.sock', log, source)).rejects.toSatisfy((error: Error) =>
        error.message.endsWith(`: stop that daemon, or ${remedy}`),
      );
    await data.close();
    await (await openDataDirectory(path, '/run/bob.sock', log)).close();
  });

  test('of a daemon that was killed can be taken over at once', async () => {
    const module = new URL('../src/data/directory.ts', import.meta.url).href;
    const program = `
      const { openDataDirectory } = await import(${JSON.stringify(module)});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const data = await openDataDirectory(${JSON.stringify(path)}, '/run/dead.sock', log);
      console.log('open');
      setInterval(() => data, 1000);
    `;
    const args = ['--conditions=@peerd/source', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    await once(createInterface(child.stdout), 'line');
    await expect(openDataDirectory(path, '', log)).rejects.toThrow(
      invalid(`process ${child.pid} (socket /run/dead`),
    );
    child.kill('SIGKILL');
    await exited;
    await (await openDataDirectory(path, '/run/alice.sock', log)).close();
  });

  test.each([
    ['garbage', 'garbage'],
    ['a file that is gone', 'MANIFEST-999999\n'],
  ])(
    'with a peer store that is damaged (%s) is used with a new one, and the old one is kept',
    async (_, current) => {
      const before = await openDataDirectory(path, '', log);
      await before.peers.db.put('/peer', Buffer.from('bob'));
      await before.close();
      await writeFile(join(path, 'peers', 'CURRENT'), current);
      const data = await openDataDirectory(path, '', log);
      await data.peers.db.put('/peer', Buffer.from('carol'));
      await data.close();
      expect(warnings).toEqual([expect.stringContaining('damaged')]);
      expect((await readdir(path)).filter((each) => each.startsWith('peers.corrupt-'))).toHaveLength(1);
    },
  );

  test('below a file, or being one, is refused', async () => {
    await writeFile(path, '');
    await expect(openDataDirectory(join(path, 'below'), '', log)).rejects.toThrow(
      invalid('a part of its path is a file'),
    );
    await expect(openDataDirectory(path, '', log)).rejects.toThrow(invalid('there is a file of that name'));
  });

  test.each([0o720, 0o702, 0o777])('with mode %o is refused with the command that mends it', async (mode) => {
    await mkdir(path);
    await chmod(path, mode);
    await expect(openDataDirectory(path, '', log)).rejects.toThrow(invalid(`chmod 700 ${path}`));
    expect(await readdir(path)).toEqual([]);
    await chmod(path, 0o755);
    await (await openDataDirectory(path, '', log)).close();
  });

  test('of someone else is refused with the command that mends it', async () => {
    await mkdir(path);
    const { uid } = await stat(path);
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(uid + 1);
    try {
      const refused = invalid(`belongs to user ${uid}, not to you (${uid + 1})`);
      await expect(openDataDirectory(path, '', log)).rejects.toThrow(refused);
      await expect(openDataDirectory(path, '', log)).rejects.toThrow(invalid(`chown -R ${uid + 1} ${path}`));
    } finally {
      getuid.mockRestore();
    }
  });

  test('on a full disk fails with busy, where nobody may write with invalid', () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    expect(storageError('the key file', full)).toMatchObject({
      code: 'busy',
      message: expect.stringContaining('full'),
    });
    const denied = Object.assign(new Error('permission denied'), { code: 'EACCES' });
    expect(storageError('the key file', denied)).toEqual(invalid('no right to write'));
  });
});

describe('the key file', () => {
  let key: string;
  beforeEach(() => {
    key = join(folder, 'key');
  });

  test('is made once, closed to others, and read from then on', async () => {
    const first = await readOrMakeKey(folder);
    expect(first.made).toBe(true);
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['key']);
    expect(await readOrMakeKey(folder)).toEqual({ secret: first.secret, made: false });
  });

  test('of tinyp2p is read as it is', async () => {
    const secret = await generateSecret();
    await writeFile(key, encodeSecret(secret), { mode: 0o600 });
    expect(await readKey(key)).toEqual(secret);
  });

  test.each([0o640, 0o604, 0o666])('with mode %o is refused with the command that mends it', async (mode) => {
    await writeFile(key, encodeSecret(await generateSecret()));
    await chmod(key, mode);
    await expect(readKey(key)).rejects.toThrow(invalid(`chmod 600 ${key}`));
    await chmod(key, 0o600);
    await readKey(key);
  });

  test.each(['', 'hunter2', '0OIl', 'x'.repeat(100)])(
    'that holds %j is refused, without showing it',
    async (text) => {
      await writeFile(key, text, { mode: 0o600 });
      const error = await readKey(key).catch((reason: unknown) => reason);
      expect(error).toEqual(invalid(`${key} holds no base58 secret`));
      if (text !== '')
        expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toContain(text);
    },
  );

  test('that is a directory is refused', async () => {
    await expect(readKey(folder)).rejects.toThrow(invalid('is not a file'));
  });
});
