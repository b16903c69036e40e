import { PeerdError } from '@peerd/protocol';
import type { z } from 'zod';
import { type ConfigValues, configSchema, limitKeys, type RawConfig, topLevelKeys } from './schema.ts';

export type { RawConfig } from './schema.ts';

/** Where configuration comes from: a file, or the command line. */
export interface ConfigSource {
  values: RawConfig;
  /** What to call the place of a value in an error: `peerd.toml:3`, or `--listen`. */
  where(path: readonly PropertyKey[]): string;
}

/** The checked values of one source. Fails with `invalid`, a line for each mistake, with its place and key. */
export function checkSource(source: ConfigSource): ConfigValues {
  const result = configSchema.safeParse(source.values);
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) => mistakesOf(source, issue));
  throw new PeerdError('invalid', mistakes.join('\n'));
}

/** Later sources win, key by key; limits are merged one by one. */
export function mergeValues(layers: readonly ConfigValues[]): ConfigValues {
  const merged: ConfigValues = Object.assign({}, ...layers);
  const limits: ConfigValues['limits'] = Object.assign({}, ...layers.map((layer) => layer.limits));
  return Object.keys(limits ?? {}).length === 0 ? merged : { ...merged, limits };
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
  const known = parent.length === 0 ? topLevelKeys : limitKeys;
  const close = known.filter((each) => distance(each, key) <= 2);
  return close.length > 0 ? `did you mean ${close.join(' or ')}?` : `known keys are ${known.join(', ')}`;
}

/** Levenshtein's: the letters to insert, delete or replace to make one word the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
