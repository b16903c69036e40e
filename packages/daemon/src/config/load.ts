import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { checkSocketPath, isPeerdName, socketPath, thisUser } from '@peerd/protocol/control';
import { decodeTicket } from '../ticket.ts';
import { checkMerged, type MergedMistake } from './check.ts';
import { environmentSource } from './environment.ts';
import { type ConfigFile, findConfigFile, readConfigFile, warningsOf } from './file.ts';
import { flagSource } from './flags.ts';
import { type ConfigValues, keyPosition, type RawConfig } from './schema.ts';
import { type ConfigSource, checkSource, type Layer, mergeValues, valueAt } from './sources.ts';
import { tomlSource } from './toml.ts';

export interface ConfigOptions {
  /** Path of a TOML file. Default: `PEERD_CONFIG`, else what is found by the name: docs/reference/configuration.md. */
  file?: string | undefined;
  /** A ticket from `peerd ticket`: it wins over the file and over variables, none of which may name another network. Default: `PEERD_TICKET`. */
  ticket?: string | undefined;
  /** Values from the command line, by the file's keys; they win over all else. */
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
  /** The file that was read; undefined: none. */
  file: string | undefined;
  /** What is not well though it works: for the log. */
  warnings: readonly string[];
  /** Where the value of a key comes from: `FILE:LINE`, `PEERD_X`, `--flag`, or `default`. */
  sourceOf(path: readonly string[]): string;
  /** Reads everything again. Fails as `loadConfig` does. */
  reload(): Promise<DaemonConfig>;
}

/**
 * Reads and checks the configuration: the file, `PEERD_…` variables, a ticket, flags; later ones win. Fails with
 * `invalid`, a line for each mistake, with its place and key.
 */
export async function loadConfig(options: ConfigOptions = {}): Promise<DaemonConfig> {
  const env = options.env ?? process.env;
  const flags = options.flags ?? {};
  const environment = environmentSource(env);
  const file = await configFile(options, env);
  const ticket = ticketLayers(options.ticket, env.PEERD_TICKET || undefined);
  const layers = [
    ...(file === undefined ? [] : [layerOf(() => tomlSource(file.path, file.text))]),
    layerOf(() => environment.source),
    ...ticket,
    layerOf(() => flagSource(flags)),
  ];
  const values = mergeValues(layers);
  const mistakes = [...checkMerged(values, layers), ...contradictions(layers, ticket[0])];
  const name = values.name ?? defaultName();
  const data = resolve(values.data ?? defaultData(name, env));
  const socket =
    values.socket === undefined ? socketPath(name, { ...thisUser(), env }) : resolve(values.socket);
  const layerWith = (path: readonly string[]) =>
    layers.findLast((layer) => valueAt(layer.values, path) !== undefined);
  const sourceOf = (path: readonly string[]) => layerWith(path)?.where(path) ?? 'default';
  try {
    checkSocketPath(socket);
  } catch (error) {
    const path = ['socket'];
    const layer = layerWith(path);
    const line = `${sourceOf(path)}: socket: ${PeerdError.from(error).message}`;
    mistakes.push({ layer, position: layer?.position(path) ?? 0, line });
  }
  const lines = linesOf(mistakes, layers);
  if (lines.length > 0) throw new PeerdError('invalid', lines.join('\n'));
  const warnings = [
    ...(file === undefined ? [] : await warningsOf(file.path, layers[0]?.values ?? {})),
    ...environment.warnings,
  ];
  const reload = () => loadConfig(options);
  return { name, data, socket, values, file: file?.path, warnings, sourceOf, reload };
}

/** Those of each layer together, as they stand there; what is in none of them at the end. */
function linesOf(merged: readonly MergedMistake[], layers: readonly Layer[]): string[] {
  return [...layers, undefined].flatMap((layer) =>
    [...(layer?.mistakes ?? []), ...merged.filter((mistake) => mistake.layer === layer)]
      .sort((a, b) => a.position - b.position)
      .map(({ line }) => line),
  );
}

async function configFile(options: ConfigOptions, env: NodeJS.ProcessEnv): Promise<ConfigFile | undefined> {
  const path = options.file ?? (env.PEERD_CONFIG || undefined);
  if (path !== undefined) return await readConfigFile(path);
  const { name } = options.flags ?? {};
  return await findConfigFile(typeof name === 'string' ? name : env.PEERD_NAME || defaultName(), env);
}

function ticketLayers(flag: string | undefined, variable: string | undefined): Layer[] {
  const ticket = flag ?? variable;
  const name = flag === undefined ? 'PEERD_TICKET' : '--ticket';
  return ticket === undefined ? [] : [layerOf(() => ticketSource(ticket, name), `${name}: `)];
}

/** What peers of one network have in common, and what it is called. */
const joined: readonly [path: readonly string[], what: string][] = [
  [['network'], 'network'],
  [['routing', 'strategy'], 'routing strategy'],
];

/** What names another network than the ticket, or another strategy: its peers would refuse this node for as long as it runs. */
function contradictions(layers: readonly Layer[], ticket: Layer | undefined): MergedMistake[] {
  if (ticket === undefined) return [];
  return joined.flatMap(([path, what]) => {
    const own = valueAt(ticket.values, path);
    return layers.flatMap((layer) => {
      const other = valueAt(layer.values, path);
      if (own === undefined || other === undefined || other === own) return [];
      const line = `${layer.where(path)}: ${path.join('.')}: ${JSON.stringify(other)} is not the ${what} of ${ticket.where(path)}, which is ${JSON.stringify(own)}: leave one of the two out`;
      return [{ layer, position: layer.position(path), line }];
    });
  });
}

/** Joins the network of the ticket through the peer that made it. */
function ticketSource(text: string, name: string): ConfigSource {
  const { id, addresses, network, secret, strategy } = decodeTicket(text);
  const peers = addresses.map((address) => `${address}/p2p/${id}`);
  const values = {
    peers,
    network,
    ...(secret === undefined ? {} : { network_secret: secret }),
    ...(strategy === undefined ? {} : { routing: { strategy } }),
  };
  return { values, where: () => name, position: keyPosition };
}

/** A source that can't be read at all is one mistake. */
function layerOf(read: () => ConfigSource, place = ''): Layer {
  try {
    return checkSource(read());
  } catch (error) {
    if (!(error instanceof PeerdError)) throw error;
    const mistake = { position: 0, line: `${place}${error.message}` };
    return { values: {}, where: () => '', position: () => 0, mistakes: [mistake] };
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
  return join(dataFolder(env), name);
}

/** Where the data directories of this user's daemons are unless said otherwise. */
export function dataFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share');
  return join(base, 'peerd');
}
