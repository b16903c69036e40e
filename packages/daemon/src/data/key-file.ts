import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { decodeSecret, encodeSecret, generateSecret } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { storageError } from './errors.ts';
import { replaceFile, writeNewFile } from './new-file.ts';

/** The secret in the data directory's key file; a new one is made when there is none. */
export async function readOrMakeKey(directory: string): Promise<{ secret: Uint8Array; made: boolean }> {
  const path = join(directory, 'key');
  const existing = await readKey(path);
  if (existing !== undefined) return { secret: existing, made: false };
  const secret = await generateSecret();
  await writeKey(path, secret);
  return { secret, made: true };
}

/**
 * The secret in a key file; undefined if there is no such file. Fails with `invalid` when others may read the
 * file, when it is someone else's, or when it holds no secret. What it holds is never told.
 */
export async function readKey(path: string): Promise<Uint8Array | undefined> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw storageError(`the key file ${path} can't be read`, error);
  });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new PeerdError('invalid', `the key file ${path} is not a file: move it away`);
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid)
    throw new PeerdError(
      'invalid',
      `the key file ${path} belongs to user ${stat.uid}, not to you (${uid}): a key that someone else can read is theirs`,
    );
  if (uid !== undefined && (stat.mode & 0o077) !== 0)
    throw new PeerdError(
      'invalid',
      `the key file ${path} is open to other users (mode ${(stat.mode & 0o777).toString(8)}): ` +
        `if nobody has read it, close it with: chmod 600 ${path}`,
    );
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw storageError(`the key file ${path} can't be read`, error);
  });
  try {
    return decodeSecret(text);
  } catch {
    // Not as the cause: a decoder's error may quote what it was given.
    throw new PeerdError(
      'invalid',
      `the key file ${path} holds no base58 secret of 32 bytes: restore it from a backup, or move it away to get ` +
        'a new identity',
    );
  }
}

/** Writes the key; never replaces one. */
export async function writeKey(path: string, secret: Uint8Array): Promise<void> {
  await writeNewFile(path, textOf(secret)).catch((cause: unknown) => {
    throw storageError(`the key file ${path} can't be written`, cause);
  });
}

/** Puts the key in the place of the one that is there; resolves to where that one is kept. */
export async function replaceKey(path: string, secret: Uint8Array): Promise<string> {
  const keptAside = `${path}.old-${new Date().toISOString().replaceAll(/[:.]/g, '')}`;
  await replaceFile(path, textOf(secret), keptAside).catch((cause: unknown) => {
    throw storageError(`the key file ${path} can't be replaced`, cause);
  });
  return keptAside;
}

function textOf(secret: Uint8Array): string {
  return `${encodeSecret(secret)}\n`;
}
