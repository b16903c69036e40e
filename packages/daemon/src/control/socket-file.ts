import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, rmdir, unlink } from 'node:fs/promises';
import { createConnection, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { PeerdError } from '@peerd/protocol';
import { checkSocketPath, makeSocketFolder, socketFolder } from '@peerd/protocol/control';

/** How long to wait for another daemon that is taking the same path: it needs a few ms. */
const lockTimeoutMs = 2_000;
const lockRetryMs = 10;

/** The name of a socket that is listened on. */
export interface SocketFile {
  /** Takes the name away, if it is still that of this socket. To be called while the server listens. */
  remove(): Promise<void>;
}

/**
 * Listens on a socket that only this user can reach: mode 0600, in a folder that is 0700 when it is the default
 * one. The file of a dead daemon is replaced. Fails with `invalid` when a live one has it, or the path can't be
 * used.
 *
 * The socket gets its name when it listens already, by `link`, which replaces nothing: of any number of daemons
 * that start at once one has the name, and nobody is refused by a socket that is about to listen.
 */
export async function listenOn(server: Server, path: string): Promise<SocketFile> {
  checkSocketPath(path);
  if (dirname(path) === socketFolder()) await makeSocketFolder(dirname(path));
  else await checkFolder(dirname(path));
  // No longer than the shortest name of a daemon's socket, so that it fits where that fits.
  const draft = join(dirname(path), `.${randomBytes(4).toString('base64url').slice(0, 5)}`);
  await bind(server, draft, path);
  try {
    const { ino, dev } = await lstat(draft);
    if (!(await tryLink(draft, path))) await replaceStale(draft, path);
    await unlink(draft);
    const remove = async () => {
      const found = await lstat(path).catch(() => undefined);
      if (found?.ino === ino && found.dev === dev) await unlink(path).catch(() => {});
    };
    return { remove };
  } catch (error) {
    // It takes the draft with it.
    server.close();
    throw error;
  }
}

/** False when there is something at the path. */
async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new PeerdError('invalid', `can't listen on the control socket ${path}: ${message}`, { cause });
  }
}

/**
 * Between the look at a stale socket and its removal another daemon could do the same and put its own there, which
 * would then be removed: so only the holder of the lock removes one.
 */
async function replaceStale(draft: string, path: string): Promise<void> {
  // Without the lock, so that a name that is in use is refused at once.
  await checkStale(path);
  const lock = `${path}.lock`;
  await takeLock(lock);
  try {
    do await removeStale(path);
    while (!(await tryLink(draft, path)));
  } finally {
    await rmdir(lock).catch(() => {});
  }
}

async function takeLock(lock: string): Promise<void> {
  const lastMs = performance.now() + lockTimeoutMs;
  for (;;) {
    try {
      await mkdir(lock, { mode: 0o700 });
      return;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new PeerdError('invalid', `can't make ${lock}: ${message}`, { cause });
      if (performance.now() > lastMs)
        throw new PeerdError(
          'invalid',
          `${lock} is in the way: a daemon was killed in the middle of its start. Remove it with: rmdir ${lock}`,
          { cause },
        );
      await setTimeout(lockRetryMs);
    }
  }
}

/** Node reports a folder that is missing as one that may not be written. */
async function checkFolder(folder: string): Promise<void> {
  const stat = await lstat(folder).catch(() => undefined);
  if (stat === undefined)
    throw new PeerdError('invalid', `can't listen on a control socket in ${folder}: there is no such folder`);
}

/** Fails unless what is at the path, if anything, is the socket of a dead daemon. */
async function checkStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw new PeerdError(
      'invalid',
      `${path} is in the way: it is no socket. Move it, or choose another with --socket`,
    );
  if (await answers(path))
    throw new PeerdError(
      'invalid',
      `another daemon already listens on ${path}: choose another name with --name, or stop that one`,
    );
}

async function removeStale(path: string): Promise<void> {
  await checkStale(path);
  await unlink(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT')
      throw new PeerdError('invalid', `the socket of a dead daemon can't be removed: ${cause.message}`, {
        cause,
      });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

function bind(server: Server, draft: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      reject(
        new PeerdError('invalid', `can't listen on the control socket ${path}: ${cause.message}`, { cause }),
      );
    };
    server.once('error', failed);
    // `listen` creates the file before it returns: with this mask nobody else can ever open it.
    const mask = process.umask(0o177);
    try {
      server.listen(draft, () => {
        server.off('error', failed);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}
