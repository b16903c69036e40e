import { nearest } from './nearest.ts';
import { type ConfigKey, configKeys, keyPosition, type Notation, type RawConfig } from './schema.ts';
import type { ConfigSource } from './sources.ts';

/**
 * Variables that mean something to other parts: which file, what to join, how to open an identity, and what
 * `peerd reply --exec` tells the command that it runs, which may well start a daemon.
 */
const foreign = [
  'PEERD_CONFIG',
  'PEERD_TICKET',
  'PEERD_PASSPHRASE',
  'PEERD_PEER',
  'PEERD_PEER_NAME',
  'PEERD_SERVICE',
  'PEERD_REQUEST_NUMBER',
  'PEERD_REQUEST_BYTES',
];

export interface Environment {
  source: ConfigSource;
  warnings: readonly string[];
}

/** The variable of a key: `PEERD_LISTEN`, `PEERD_LIMITS_MAX_QUEUED_BYTES`. */
function variableOf({ path }: Pick<ConfigKey, 'path'>): string {
  return `PEERD_${path.join('_').toUpperCase()}`;
}

/** What `PEERD_…` variables say of the configuration. One that is empty counts as not set. */
export function environmentSource(env: NodeJS.ProcessEnv): Environment {
  const values: RawConfig = {};
  const places = new Map<string, string>();
  const set = (variable: string, path: readonly string[], value: unknown) => {
    const [table = '', key] = path;
    places.set(path.join('.'), variable);
    values[table] = key === undefined ? value : { ...(values[table] as object | undefined), [key]: value };
  };
  for (const key of configKeys) {
    const variable = variableOf(key);
    const text = env[variable];
    if (!text) continue;
    if (variable !== 'PEERD_LOG_LEVEL') set(variable, key.path, parse(text, key.notation));
    else
      for (const [path, level] of levelsOf(text))
        if (!env[variableOf({ path })] || path.length === 1) set(variable, path, level);
  }
  return {
    source: {
      values,
      where: ([table, key]) => placeOf(places, String(table), key),
      position: keyPosition,
    },
    warnings: unknownVariables(env),
  };
}

/** `info,request=debug` as the keys that it stands for. */
export function levelsOf(text: string): [path: readonly string[], level: string][] {
  return text
    .split(',')
    .map((part) => part.trim())
    .map((part) => {
      const at = part.indexOf('=');
      if (at < 0) return [['log_level'], part];
      return [['log_levels', part.slice(0, at).trim()], part.slice(at + 1).trim()];
    });
}

function placeOf(places: ReadonlyMap<string, string>, table: string, key: PropertyKey | undefined): string {
  return (
    places.get(`${table}.${String(key)}`) ??
    places.get(table) ??
    variableOf({ path: [table, ...(key === undefined ? [] : [String(key)])] })
  );
}

/** What can't be read as what it should be stays text, for the check to say what it should have been. */
function parse(text: string, notation: Notation): unknown {
  switch (notation) {
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'number':
      return /^\d+$/.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'text':
      return text;
  }
}

function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = [...configKeys.map(variableOf), ...foreign];
  return Object.keys(env)
    .filter((variable) => variable.startsWith('PEERD_') && !known.includes(variable))
    .map((variable) => {
      const close = nearest(variable, known);
      const advice = close.length > 0 ? `: did you mean ${close.join(' or ')}?` : '';
      return `the variable ${variable} means nothing to peerd${advice}`;
    });
}
