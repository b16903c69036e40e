import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { PeerdError } from '../errors.ts';
import { makeFolder } from './folder.ts';

const suffix = '.sock';

/**
 * Bytes of a socket's path that every supported system takes: `sun_path` has 104 of them on macOS and 108 on
 * Linux, one for the final zero.
 */
const maxSocketPathBytes = 103;

export interface Owner {
  env: NodeJS.ProcessEnv;
  /** The user id that files must belong to; undefined where the system has none. */
  uid: number | undefined;
}

export function thisUser(): Owner {
  return { env: process.env, uid: process.getuid?.() };
}

/** What a node may be called: 1 to 63 characters of `a-z A-Z 0-9 . _ -`, not starting with `-` or `.`. */
export function isPeerdName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(name);
}

/** Where the sockets of this user's daemons are: `$XDG_RUNTIME_DIR/peerd`, or `/tmp/peerd-<uid>` without it. */
export function socketFolder(owner: Owner = thisUser()): string {
  const runtime = owner.env.XDG_RUNTIME_DIR;
  return runtime ? join(runtime, 'peerd') : join('/tmp', `peerd-${owner.uid ?? 0}`);
}

/** The socket of the daemon of that name. Fails with `invalid` on a name that no node may have. */
export function socketPath(name: string, owner: Owner = thisUser()): string {
  if (!isPeerdName(name))
    throw new PeerdError(
      'invalid',
      `${JSON.stringify(name)} is no name of a daemon: 1 to 63 of a-z A-Z 0-9 . _ -, not starting with . or -`,
    );
  return join(socketFolder(owner), `${name}${suffix}`);
}

/** Fails with `invalid` on a path that the system would cut short. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes)
    throw new PeerdError(
      'invalid',
      `the socket path ${path} is ${bytes} bytes long, the system takes ${maxSocketPathBytes}: ` +
        'choose a shorter one with --socket, or set XDG_RUNTIME_DIR to a shorter folder',
    );
}

/**
 * Node can't ask who is at the other end of a Unix socket, so the folder is the guard: it must be ours and closed
 * to others. Resolves to whether it exists. Fails with `invalid`, with the command that mends it.
 */
export async function checkSocketFolder(folder: string, owner: Owner = thisUser()): Promise<boolean> {
  const stat = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new PeerdError('invalid', `the socket folder ${folder} can't be read: ${error.message}`, {
      cause: error,
    });
  });
  if (stat === undefined) return false;
  if (!stat.isDirectory())
    throw new PeerdError('invalid', `the socket folder ${folder} is not a directory: move it out of the way`);
  if (owner.uid !== undefined && stat.uid !== owner.uid)
    throw new PeerdError(
      'invalid',
      `the socket folder ${folder} belongs to user ${stat.uid}, not to you (${owner.uid}): ` +
        'set XDG_RUNTIME_DIR to a folder of your own',
    );
  if (owner.uid !== undefined && (stat.mode & 0o077) !== 0)
    throw new PeerdError(
      'invalid',
      `the socket folder ${folder} is open to other users (mode ${(stat.mode & 0o777).toString(8)}): ` +
        `close it with: chmod 700 ${folder}`,
    );
  return true;
}

/** Makes the folder, mode 0700, and checks it as {@link checkSocketFolder} does. */
export async function makeSocketFolder(folder: string, owner: Owner = thisUser()): Promise<void> {
  try {
    if (await makeFolder(folder)) await chmod(folder, 0o700);
  } catch (cause) {
    throw new PeerdError(
      'invalid',
      `the socket folder ${folder} can't be made: ${(cause as Error).message}. Set XDG_RUNTIME_DIR or use --socket`,
      { cause },
    );
  }
  await checkSocketFolder(folder, owner);
}

/** The names that have a socket in the folder. A daemon that was killed leaves its socket behind. */
export async function listDaemons(owner: Owner = thisUser()): Promise<string[]> {
  const folder = socketFolder(owner);
  if (!(await checkSocketFolder(folder, owner))) return [];
  const entries = await readdir(folder);
  return entries
    .filter((entry) => entry.endsWith(suffix))
    .map((entry) => entry.slice(0, -suffix.length))
    .filter(isPeerdName)
    .sort();
}
