import { join } from 'node:path';
import { peerIdOf } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import type { DaemonConfig } from '../config/load.ts';
import { createLog } from '../log/log.ts';
import { openDataDirectory } from './directory.ts';
import { readKey, setKeyAside, writeKey } from './key-file.ts';
import { openIdentity, sealIdentity } from './sealed-identity.ts';

/** The id of a daemon with this configuration, whether it runs or not. Fails with `invalid` when it has none yet. */
export async function identityOf(config: DaemonConfig): Promise<string> {
  return await peerIdOf(await secretOf(config));
}

/** The identity of a daemon as text that only the passphrase opens. Fails with `invalid`. */
export async function exportIdentity(config: DaemonConfig, passphrase: string): Promise<string> {
  return await sealIdentity(await secretOf(config), passphrase);
}

export interface Imported {
  id: string;
  /** Where the key is that was there before. */
  keptAside: string | undefined;
}

/**
 * Makes an exported identity that of a daemon with this configuration. Fails with `invalid`: a text that can't be opened,
 * a daemon that runs, or, without `force`, a key that is there.
 */
export async function importIdentity(
  config: DaemonConfig,
  text: string,
  passphrase: string,
  { force = false }: { force?: boolean } = {},
): Promise<Imported> {
  if (config.values.secret !== undefined)
    throw new PeerdError(
      'invalid',
      `${config.sourceOf(['secret'])} has a secret, which counts instead of the key file: remove it there first`,
    );
  const { secret, id } = await openIdentity(text, passphrase);
  // For as long as this is held no daemon can start with the old one.
  const data = await openDataDirectory(config.data, config.socket, await createLog({ level: 'silent' }));
  try {
    const path = join(config.data, 'key');
    const keptAside = await setKeyAside(path, { isAllowed: force });
    await writeKey(path, secret).catch(async (error: unknown) => {
      await keptAside?.putBack();
      throw error;
    });
    return { id, keptAside: keptAside?.path };
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
