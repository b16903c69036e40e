import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret } from '@peerd/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readKey, replaceKey, writeKey } from '../src/data/key-file.ts';
import { writeNewFile } from '../src/data/new-file.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    open: vi.fn(real.open),
    link: vi.fn(real.link),
    rename: vi.fn(real.rename),
    unlink: vi.fn(real.unlink),
  };
});

const systemError = (code: string) => Object.assign(new Error(code), { code });

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'peerd-new-file-'));
  path = join(folder, 'key');
});
afterEach(async () => {
  vi.resetAllMocks();
  await fs.rm(folder, { recursive: true });
});

/** The disk fills up with the next file that is written. */
function fillDisk(): void {
  const open = vi.mocked(fs.open).getMockImplementation() as typeof fs.open;
  vi.mocked(fs.open).mockImplementationOnce(async (...call) => {
    const file = await open(...call);
    await file.write('half of');
    file.sync = () => Promise.reject(systemError('ENOSPC'));
    return file;
  });
}

test('a new file is closed to others, and never over one that is there', async () => {
  await writeNewFile(path, 'first');
  await expect(writeNewFile(path, 'second')).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await fs.readFile(path, 'utf8')).toBe('first');
  expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
  expect(await fs.readdir(folder)).toEqual(['key']);
});

test('a disk that is full leaves nothing of a new file', async () => {
  fillDisk();
  await expect(writeNewFile(path, 'text')).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await fs.readdir(folder)).toEqual([]);
});

test('a file system without links takes a new file too, and keeps what is there', async () => {
  vi.mocked(fs.link).mockRejectedValueOnce(systemError('EPERM'));
  await writeNewFile(path, 'first');
  vi.mocked(fs.link).mockRejectedValueOnce(systemError('EPERM'));
  await expect(writeNewFile(path, 'second')).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await fs.readFile(path, 'utf8')).toBe('first');
  expect(await fs.readdir(folder)).toEqual(['key']);
});

test('while a key is replaced there is one at any time, and the old one is kept', async () => {
  const [old, next] = [await generateSecret(), await generateSecret()];
  await writeKey(path, old);
  vi.clearAllMocks();
  let steps = 0;
  for (const step of [fs.open, fs.link, fs.rename, fs.unlink].map((each) =>
    vi.mocked(each as () => unknown),
  )) {
    const real = step.getMockImplementation() as (...call: unknown[]) => Promise<unknown>;
    step.mockImplementation((async (...call: unknown[]) => {
      const result = await real(...call);
      expect(existsSync(path), `the key after step ${steps}`).toBe(true);
      steps += 1;
      return result;
    }) as never);
  }
  const keptAside = await replaceKey(path, next);
  expect(steps).toBeGreaterThanOrEqual(3);
  expect(await readKey(path)).toEqual(next);
  expect(await readKey(keptAside)).toEqual(old);
  expect(await fs.readdir(folder)).toHaveLength(2);
});

test.each([
  ['the disk is full', fillDisk, 'busy'],
  [
    'the new key can not take its place',
    () => void vi.mocked(fs.rename).mockRejectedValueOnce(systemError('EACCES')),
    'invalid',
  ],
])('when %s the old key stays what it is, alone', async (_, fail, code) => {
  const old = await generateSecret();
  await writeKey(path, old);
  fail();
  await expect(replaceKey(path, await generateSecret())).rejects.toMatchObject({ code });
  expect(await readKey(path)).toEqual(old);
  expect(await fs.readdir(folder)).toEqual(['key']);
});
