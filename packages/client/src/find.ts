import { lstat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, resolve } from 'node:path';
import { PeerdError } from '@peerd/protocol';
import {
  checkSocketFolder,
  checkSocketPath,
  listDaemons,
  type Owner,
  socketFolder,
  socketPath,
  thisUser,
} from '@peerd/protocol/control';

export interface WhichDaemon {
  /** The path of the daemon's socket. Default: `PEERD_SOCKET`, unless a `name` is given. */
  socket?: string | undefined;
  /** The daemon's name. Default: `PEERD_NAME`. */
  name?: string | undefined;
}

/**
 * The socket of the daemon that is meant: the one at `socket`, else the one called `name`, else what `PEERD_SOCKET` or
 * `PEERD_NAME` say, else the only one that runs. Fails with `daemon-unavailable` when none runs, `invalid` (with the names as
 * candidates) when several do, and `invalid` when others could have put the socket there.
 */
export async function findSocket(which: WhichDaemon = {}, owner: Owner = thisUser()): Promise<string> {
  if (which.socket === '') throw new PeerdError('invalid', 'the path of the socket is empty');
  // Node takes what looks like a number for a TCP port: only an absolute path is safe from that.
  const socket = which.socket ?? (which.name === undefined ? owner.env.PEERD_SOCKET || undefined : undefined);
  if (socket !== undefined) return await checked(resolve(socket), owner);
  const name = which.name ?? (owner.env.PEERD_NAME || undefined);
  return name === undefined ? await onlySocket(owner) : await checked(socketPath(name, owner), owner);
}

/** The path, if nobody else can have put a socket there. */
async function checked(path: string, owner: Owner): Promise<string> {
  checkSocketPath(path);
  if (dirname(path) === resolve(socketFolder(owner))) await checkSocketFolder(dirname(path), owner);
  await checkSocketOwner(path, owner);
  return path;
}

/** The names of this user's daemons that run. Fails with `invalid` when other users can get at their sockets. */
export async function runningDaemons(owner: Owner = thisUser()): Promise<string[]> {
  const names = await listDaemons(owner);
  const listening = await Promise.all(names.map((name) => listens(socketPath(name, owner))));
  return names.filter((_, index) => listening[index]);
}

async function onlySocket(owner: Owner): Promise<string> {
  const running = await runningDaemons(owner);
  const [only, second] = running;
  if (only === undefined)
    throw new PeerdError(
      'daemon-unavailable',
      `no daemon runs (looked in ${socketFolder(owner)}): start one with: peerd start`,
    );
  if (second !== undefined)
    throw new PeerdError(
      'invalid',
      `${running.length} daemons run: say which with --name or PEERD_NAME: ${running.join(', ')}`,
      { candidates: running },
    );
  return socketPath(only, owner);
}

/** A daemon that was killed leaves its socket behind; nobody listens on that one. */
function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN: it listens, and has not taken the connections that wait for it.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

/** A socket outside our own folder may have been put there by anyone. Nothing there is for `connect` to say. */
async function checkSocketOwner(path: string, owner: Owner): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined || owner.uid === undefined) return;
  if (!stat.isSocket()) throw new PeerdError('invalid', `${path} is not a socket`);
  if (stat.uid !== owner.uid)
    throw new PeerdError(
      'invalid',
      `the socket ${path} belongs to user ${stat.uid}, not to you (${owner.uid})`,
    );
}
