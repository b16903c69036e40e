import { lstat, unlink } from 'node:fs/promises';
import { createConnection, type Server } from 'node:net';
import { dirname } from 'node:path';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { checkSocketPath, makeSocketFolder, socketFolder } from '@peerd/protocol/control';

/**
 * Listens on a socket that only this user can reach: mode 0600, in a folder that is 0700 when it is the default
 * one. The file of a dead daemon is replaced. Fails with `invalid` when a live one has it, or the path can't be
 * used.
 */
export async function listenOn(server: Server, path: string): Promise<void> {
  checkSocketPath(path);
  if (dirname(path) === socketFolder()) await makeSocketFolder(dirname(path));
  else await checkFolder(dirname(path));
  await removeStale(path);
  await bind(server, path);
}

/** Node reports a folder that is missing as one that may not be written. */
async function checkFolder(folder: string): Promise<void> {
  const stat = await lstat(folder).catch(() => undefined);
  if (stat === undefined)
    throw new PeerdError('invalid', `can't listen on a control socket in ${folder}: there is no such folder`);
}

async function removeStale(path: string): Promise<void> {
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

function bind(server: Server, path: string): Promise<void> {
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
      server.listen(path, () => {
        server.off('error', failed);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}
