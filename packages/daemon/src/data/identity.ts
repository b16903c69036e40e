import { access, constants, lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { peerIdOf } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { type DaemonConfig, dataFolder } from '../config/load.ts';
import { createLog } from '../log/log.ts';
import { openDataDirectory } from './directory.ts';
import { storageError } from './errors.ts';
import { readKey, replaceKey, writeKey } from './key-file.ts';
import { writeNewFile } from './new-file.ts';
import { checkSealed, openIdentity, sealIdentity } from './sealed-identity.ts';

/** The id of a daemon with this configuration, whether it runs or not. Fails with `invalid` when it has none yet. */
export async function identityOf(config: DaemonConfig): Promise<string> {
  return await peerIdOf(await secretOf(config));
}

/** The other data directories of this machine, where they usually are and beside this one, whose key is that of `id`. */
export async function directoriesOf(id: string, { data }: DaemonConfig): Promise<string[]> {
  const found = [];
  for (const folder of new Set([dataFolder(process.env), dirname(data)]))
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      if (path === data) continue;
      // Most of what is there may be something else.
      const secret = await readKey(join(path, 'key')).catch(() => undefined);
      if (secret !== undefined && (await peerIdOf(secret)) === id) found.push(path);
    }
  return found;
}

export interface Exported {
  id: string;
  text: string;
}

/**
 * The identity of a daemon as text that only the passphrase opens; with `output` it is written there too, for this user
 * alone and never over a file. The passphrase is asked for when nothing else is in the way. Fails with `invalid`, and
 * `busy` when the disk is full.
 */
export async function exportIdentity(
  config: DaemonConfig,
  askPassphrase: () => Promise<string>,
  { output }: { output?: string | undefined } = {},
): Promise<Exported> {
  const secret = await secretOf(config);
  const failed = (cause: unknown) => {
    throw storageError(`${output} can't be written`, cause, '--output');
  };
  if (output !== undefined) await checkNew(output).catch(failed);
  const text = await sealIdentity(secret, await askPassphrase());
  if (output !== undefined) await writeNewFile(output, text).catch(failed);
  return { id: await peerIdOf(secret), text };
}

export interface Imported {
  id: string;
  /** Where the key is that was there before. */
  keptAside: string | undefined;
}

/**
 * Makes an exported identity that of a daemon with this configuration. The passphrase is asked for when nothing else is in
 * the way. Fails with `invalid`: a text that can't be opened, a daemon that runs, or, without `force`, a key that is there.
 */
export async function importIdentity(
  config: DaemonConfig,
  text: string,
  askPassphrase: () => Promise<string>,
  { force = false }: { force?: boolean } = {},
): Promise<Imported> {
  if (config.values.secret !== undefined)
    throw new PeerdError(
      'invalid',
      `${config.sourceOf(['secret'])} has a secret, which counts instead of the key file: remove it there first`,
    );
  checkSealed(text);
  // For as long as this is held no daemon can start with the old one.
  const data = await openDataDirectory(
    config.data,
    config.socket,
    await createLog({ level: 'silent' }),
    config.sourceOf(['data']),
  );
  try {
    const path = join(config.data, 'key');
    const isThere = await exists(path);
    if (isThere && !force)
      throw new PeerdError(
        'invalid',
        `${path} is the key of an identity already: with --force it is kept aside and this one takes its place`,
      );
    const { secret, id } = await openIdentity(text, await askPassphrase());
    if (isThere) return { id, keptAside: await replaceKey(path, secret) };
    await writeKey(path, secret);
    return { id, keptAside: undefined };
  } finally {
    await data.close();
  }
}

async function secretOf(config: DaemonConfig): Promise<Uint8Array> {
  const secret = config.values.secret ?? (await readKey(join(config.data, 'key')));
  if (secret !== undefined) return secret;
  throw new PeerdError(
    'invalid',
    `there is no identity in ${config.data} yet: the first start of the daemon makes one. --name and --data say which`,
  );
}

/** Fails, with what the system says, where no new file can be made. */
async function checkNew(path: string): Promise<void> {
  await access(dirname(path), constants.W_OK);
  if (await exists(path)) throw Object.assign(new Error('it exists'), { code: 'EEXIST' });
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw storageError(`${path} can't be looked at`, error);
  }
}
