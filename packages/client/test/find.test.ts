import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { findSocket } from '@peerd/client';
import { socketPath } from '@peerd/protocol/control';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peerd-find-'));
});
afterEach(() => rm(folder, { recursive: true }));

const uid = process.getuid?.();
const owner = () => ({ uid, env: { XDG_RUNTIME_DIR: folder } });

test('a socket that is called like a port is a path all the same', async () => {
  expect(await findSocket({ socket: '4001' }, owner())).toBe(resolve('4001'));
});

test('PEERD_SOCKET says which daemon, unless a name or a socket is given', async () => {
  const { env } = owner();
  const named = { uid, env: { ...env, PEERD_SOCKET: '/tmp/x.sock', PEERD_NAME: 'bob' } };
  expect(await findSocket({}, named)).toBe('/tmp/x.sock');
  expect(await findSocket({ socket: '/tmp/y.sock' }, named)).toBe('/tmp/y.sock');
  expect(await findSocket({ name: 'alice' }, named)).toBe(socketPath('alice', owner()));
});

test('a socket without a path is invalid', async () => {
  await expect(findSocket({ socket: '' }, owner())).rejects.toMatchObject({ code: 'invalid' });
});

test.skipIf(uid === undefined)('a path and a name are checked alike', async () => {
  const path = socketPath('alice', owner());
  await mkdir(join(path, '..'), { mode: 0o700 });
  await writeFile(path, '');
  for (const which of [{ name: 'alice' }, { socket: path }])
    await expect(findSocket(which, owner())).rejects.toThrow('is not a socket');
  await chmod(join(path, '..'), 0o755);
  for (const which of [{ name: 'alice' }, { socket: path }])
    await expect(findSocket(which, owner())).rejects.toThrow('open to other users');
});
