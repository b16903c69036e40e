import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { type ConfigValues, configSchema, keysBelow, type RawConfig } from './schema.ts';

/** Where configuration comes from: a file, the environment, or the command line. */
export interface ConfigSource {
  values: RawConfig;
  /** What to call the place of a value in an error: `peerd.toml:3`, `PEERD_LISTEN` or `--listen`. */
  where(path: readonly PropertyKey[]): string;
}

/** The values of one source that are well by themselves, what it calls their places, and what is wrong with the others. */
export interface Layer {
  values: ConfigValues;
  where: ConfigSource['where'];
  /** A line for each, with its place and key. */
  mistakes: readonly string[];
}

export function checkSource(source: ConfigSource): Layer {
  const where = (path: readonly PropertyKey[]) => source.where(path);
  const result = configSchema.safeParse(source.values);
  if (result.success) return { values: result.data, where, mistakes: [] };
  const { issues } = result.error;
  const mistakes = issues.flatMap((issue) => mistakesOf(source, issue));
  // The rest is looked at too, so that one go tells all.
  const wrong = new Set(
    issues.flatMap(({ path, ...issue }) => path[0] ?? ('keys' in issue ? issue.keys : [])),
  );
  const rest = Object.fromEntries(Object.entries(source.values).filter(([key]) => !wrong.has(key)));
  return { values: configSchema.parse(rest), where, mistakes };
}

/** Later layers win, key by key; of a table each key by itself. */
export function mergeValues(layers: readonly Layer[]): ConfigValues {
  const merged: Record<string, unknown> = {};
  for (const { values } of layers)
    for (const [key, value] of Object.entries(values))
      merged[key] = keysBelow([key]).length === 0 ? value : Object.assign({}, merged[key], value);
  return merged;
}

export function valueAt(values: object, path: readonly PropertyKey[]): unknown {
  let value: unknown = values;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  return value;
}

function mistakesOf(source: ConfigSource, issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return `${source.where(path)}: unknown key ${path.join('.')}: ${advice(key, issue.path)}`;
    });
  const { path } = issue;
  const [first] = path;
  const key = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return [
    `${source.where(path)}: ${first === undefined ? 'the configuration' : key.slice(1)}: ${issue.message}`,
  ];
}

function advice(key: string, parent: readonly PropertyKey[]): string {
  const known = keysBelow(parent);
  const close = nearest(key, known);
  return close.length > 0 ? `did you mean ${close.join(' or ')}?` : `known keys are ${known.join(', ')}`;
}
