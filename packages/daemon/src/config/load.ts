import { readFile, stat } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { checkSocketPath, isPeerdName, socketPath, thisUser } from '@peerd/protocol/control';
import { checkMerged, type Layer } from './check.ts';
import type { ConfigValues, RawConfig } from './schema.ts';
import { type ConfigSource, checkSource, mergeValues } from './sources.ts';
import { tomlSource } from './toml.ts';

export interface ConfigOptions {
  /** Path of a TOML file. Default: none. */
  file?: string | undefined;
  /** Values from the command line, by the file's keys; they win over the file. */
  flags?: RawConfig;
  env?: NodeJS.ProcessEnv;
}

/** A configuration with the places on this machine settled. */
export interface DaemonConfig {
  name: string;
  /** The data directory. */
  data: string;
  /** The path of the control socket. */
  socket: string;
  values: ConfigValues;
  /** What is not well though it works: for the log. */
  warnings: readonly string[];
}

/** Reads and checks the configuration. Fails with `invalid`, with the place and the key of each mistake. */
export async function loadConfig(options: ConfigOptions = {}): Promise<DaemonConfig> {
  const env = options.env ?? process.env;
  const sources: ConfigSource[] = [];
  if (options.file !== undefined) sources.push(tomlSource(options.file, await read(options.file)));
  if (env.PEERD_NAME) sources.push({ values: { name: env.PEERD_NAME }, where: () => 'PEERD_NAME' });
  sources.push({ values: options.flags ?? {}, where: flagOf });

  const layers: Layer[] = sources.map((source) => ({
    values: checkSource(source),
    where: (path) => source.where(path),
  }));
  const values = mergeValues(layers.map((layer) => layer.values));
  checkMerged(values, layers);
  const name = values.name ?? defaultName();
  const data = resolve(values.data ?? defaultData(name, env));
  const socket =
    values.socket === undefined ? socketPath(name, { ...thisUser(), env }) : resolve(values.socket);
  checkSocketPath(socket);
  const warnings = options.file === undefined ? [] : await warningsOf(options.file, layers[0]?.values ?? {});
  return { name, data, socket, values, warnings };
}

/** Unlike a key file, a configuration is often readable by all, and that is well unless it holds a secret. */
async function warningsOf(file: string, values: ConfigValues): Promise<string[]> {
  const secrets = (['secret', 'network_secret'] as const).filter((key) => values[key] !== undefined);
  const { mode } = await stat(file);
  if (secrets.length === 0 || process.getuid === undefined || (mode & 0o044) === 0) return [];
  return [
    `other users may read ${file}, and it has ${secrets.join(' and ')}: close it with: chmod 600 ${file}`,
  ];
}

/** The flag that a key of the configuration has on the command line. */
function flagOf([key]: readonly PropertyKey[]): string {
  return key === 'peers' ? '--peer' : `--${String(key).replaceAll('_', '-')}`;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : message;
    throw new PeerdError('invalid', `the configuration file ${file} can't be read: ${why}`, { cause });
  }
}

/** The first label of the host's name, as far as a node may be called so. */
export function defaultName(host: string = hostname()): string {
  const label = (host.split('.')[0] ?? '')
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63);
  return isPeerdName(label) ? label : 'peerd';
}

function defaultData(name: string, env: NodeJS.ProcessEnv): string {
  const base = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share');
  return join(base, 'peerd', name);
}
