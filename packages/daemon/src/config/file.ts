import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { isPeerdName } from '@peerd/protocol/control';
import { type ConfigValues, secretKeys } from './schema.ts';

export interface ConfigFile {
  path: string;
  text: string;
}

/** The file that is asked for. Fails with `invalid` when it can't be read. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : message;
    throw new PeerdError('invalid', `the configuration file ${path} can't be read: ${why}`, { cause });
  }
}

/** The file that is read when none is asked for; undefined if there is none. */
export async function findConfigFile(name: string, env: NodeJS.ProcessEnv): Promise<ConfigFile | undefined> {
  for (const path of configPaths(name, env)) {
    const isThere = await stat(path).then(
      () => true,
      ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
    );
    if (isThere) return await readConfigFile(path);
  }
  return undefined;
}

/** Where a daemon of that name looks for its file: the first that is there is the one. */
function configPaths(name: string, env: NodeJS.ProcessEnv): string[] {
  const folder = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'peerd');
  return [...(isPeerdName(name) ? [join(folder, `${name}.toml`)] : []), join(folder, 'config.toml')];
}

/** Unlike a key file, a configuration is often readable by all, and that is well unless it holds a secret. */
export async function warningsOf(path: string, values: ConfigValues): Promise<string[]> {
  const secrets = secretKeys.filter((key) => values[key] !== undefined);
  const { mode } = await stat(path);
  if (secrets.length === 0 || process.getuid === undefined || (mode & 0o044) === 0) return [];
  return [
    `other users may read ${path}, and it has ${secrets.join(' and ')}: close it with: chmod 600 ${path}`,
  ];
}
