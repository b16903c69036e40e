import { expectationOf, type Mistake, mistakesOf } from './mistakes.ts';
import { type ConfigValues, configSchema, keysBelow, type RawConfig } from './schema.ts';

/** Where configuration comes from: a file, the environment, or the command line. */
export interface ConfigSource {
  values: RawConfig;
  /** What to call the place of a value in an error: `peerd.toml:3`, `PEERD_LISTEN` or `--listen`. */
  where(path: readonly PropertyKey[]): string;
  /** Where a value stands among those of this source: what is wrong is told in that order. */
  position(path: readonly PropertyKey[]): number;
}

/** The values of one source that are well by themselves, what it calls their places, and what is wrong with the others. */
export interface Layer {
  values: ConfigValues;
  where: ConfigSource['where'];
  position: ConfigSource['position'];
  mistakes: readonly Mistake[];
}

export function checkSource(source: ConfigSource): Layer {
  const where = (path: readonly PropertyKey[]) => source.where(path);
  const position = (path: readonly PropertyKey[]) => source.position(path);
  const result = configSchema.safeParse(source.values, { error: expectationOf });
  if (result.success) return { values: result.data, where, position, mistakes: [] };
  // Of a value that is wrong in two ways the first says what it is.
  const keyOf = ({ path }: { readonly path: readonly PropertyKey[] }) => path.join('\0');
  const issues = [...Map.groupBy(result.error.issues, keyOf).values()].flatMap(([first]) => first ?? []);
  const mistakes = issues.flatMap((issue) => mistakesOf(source, issue, valueAt(source.values, issue.path)));
  // The rest is looked at too, so that one go tells all.
  const wrong = new Set(
    issues.flatMap(({ path, ...issue }) => path[0] ?? ('keys' in issue ? issue.keys : [])),
  );
  const rest = Object.fromEntries(Object.entries(source.values).filter(([key]) => !wrong.has(key)));
  return { values: configSchema.parse(rest), where, position, mistakes };
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
