import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { Log } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { makeFolder } from '@peerd/protocol/control';
import { LevelDatastore } from 'datastore-level';
import { storageError } from './errors.ts';

/** What the holder of a data directory tells the next one who wants it. */
interface Holder {
  pid: number;
  socket: string;
  started: string;
}

export interface DataDirectory {
  path: string;
  /** Where libp2p keeps its peers. */
  peers: LevelDatastore;
  close(): Promise<void>;
}

/**
 * Opens a data directory for this daemon alone. The lock is the one that LevelDB takes on its files: the kernel
 * holds it, so it ends with the process, however that ends, and a stale one can't be.
 *
 * `source` is where the path comes from, as the configuration tells it. Fails with `invalid` when another daemon has the directory, someone else can change it or we can't, `busy` when the
 * disk is full.
 */
export async function openDataDirectory(
  path: string,
  socket: string,
  log: Log,
  source: string = 'default',
): Promise<DataDirectory> {
  await makeFolder(path).catch((cause: unknown) => {
    throw storageError(`the data directory ${path} can't be made`, cause);
  });
  await checkOwner(path);
  const peers = await openPeers(path, log, source);
  const holderFile = join(path, 'daemon.json');
  const holder: Holder = { pid: process.pid, socket, started: new Date().toISOString() };
  try {
    await writeFile(holderFile, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  } catch (cause) {
    await peers.close();
    throw storageError(`the data directory ${path} can't be written`, cause);
  }
  const close = async () => {
    await unlink(holderFile).catch(() => {});
    await peers.close();
  };
  return { path, peers, close };
}

/** Who may write to the directory may put another key there. */
async function checkOwner(path: string): Promise<void> {
  const uid = process.getuid?.();
  if (uid === undefined) return;
  const found = await stat(path).catch((cause: unknown) => {
    throw storageError(`the data directory ${path} can't be read`, cause);
  });
  if (found.uid !== uid)
    throw new PeerdError(
      'invalid',
      `the data directory ${path} belongs to user ${found.uid}, not to you (${uid}): choose another with --data, ` +
        `or make it yours with: sudo chown -R ${uid} ${path}`,
    );
  if ((found.mode & 0o022) !== 0)
    throw new PeerdError(
      'invalid',
      `other users may write to the data directory ${path} (mode ${(found.mode & 0o777).toString(8)}): ` +
        `close it with: chmod 700 ${path}`,
    );
}

async function openPeers(directory: string, log: Log, source: string): Promise<LevelDatastore> {
  const path = join(directory, 'peers');
  try {
    return await openStore(path);
  } catch (error) {
    const code = causeCode(error);
    if (code === 'LEVEL_LOCKED') throw await inUse(directory, source, error);
    if (!damaged(code, rootCause(error)))
      throw storageError(`the data directory ${directory} can't be used`, rootCause(error));
  }
  // It is a cache of peers: the network will fill it again.
  const aside = `${path}.corrupt-${Date.now()}`;
  await rename(path, aside).catch((cause: unknown) => {
    throw storageError(`the damaged peer store ${path} can't be moved aside`, cause);
  });
  log.warn(`the peer store was damaged: a new one is made, the old one is ${aside}`);
  return await openStore(path).catch((error: unknown) => {
    throw storageError(`the data directory ${directory} can't be used`, rootCause(error));
  });
}

async function openStore(path: string): Promise<LevelDatastore> {
  const store = new LevelDatastore(path);
  // Not through the store's own `open`, which keeps only the text of the error.
  await store.db.open({ createIfMissing: true });
  return store;
}

async function inUse(directory: string, source: string, cause: unknown): Promise<PeerdError> {
  const holder = await readHolder(directory);
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (socket ${holder.socket})`;
  // By default it goes by the name.
  const other =
    source === 'default'
      ? 'choose another name with --name'
      : `choose another directory with --data${source === '--data' ? '' : ` (this one is from ${source})`}`;
  return new PeerdError(
    'invalid',
    `the data directory ${directory} is in use by ${who}: stop that daemon, or ${other}`,
    { cause },
  );
}

async function readHolder(directory: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, 'daemon.json'), 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Files that are garbage, or that the store's own files name and that are not there. */
function damaged(code: string | undefined, cause: unknown): boolean {
  if (code === 'LEVEL_CORRUPTION') return true;
  return code === 'LEVEL_IO_ERROR' && cause instanceof Error && cause.message.includes('No such file');
}

function rootCause(error: unknown): unknown {
  let root = error;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  return root;
}

function causeCode(error: unknown): string | undefined {
  return (rootCause(error) as { code?: string } | undefined)?.code;
}
