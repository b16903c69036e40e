import { checkConfig, type Settings } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { type ConfigValues, peerConfigOf } from './schema.ts';
import { type Layer, valueAt } from './sources.ts';

interface Mistake {
  path: readonly string[];
  message: string;
}

/**
 * What core has against these merged values, found before anything is made on disk: a line for each mistake, with the
 * place and key it has in the layer that won.
 */
export function checkMerged(values: ConfigValues, layers: readonly Layer[]): string[] {
  const lines: string[] = [];
  let rest = values;
  for (let mistake = mistakeIn(rest); mistake !== undefined; mistake = mistakeIn(rest)) {
    const [key = ''] = mistake.path;
    if (!(key in rest)) return [...lines, `${mistake.path.join('.')}: ${mistake.message}`];
    lines.push(...linesOf(mistake, rest, layers));
    rest = without(rest, mistake.path);
  }
  return lines;
}

/** What core would work with, but for what its secrets come to. Fails on values that it does not take. */
export function settingsOf(values: ConfigValues): Settings {
  // There is nothing more to check in the secret, and to derive its key takes 50 ms.
  const checked = { ...values, network_secret: undefined };
  return checkConfig(peerConfigOf(checked, { name: values.name ?? 'peerd', secret: new Uint8Array(32) }));
}

/** The first thing that core has against these values, by the key of the file. */
function mistakeIn(values: ConfigValues): Mistake | undefined {
  try {
    settingsOf(values);
    return undefined;
  } catch (error) {
    // Core's text begins with its own name of the key: `bootstrapIntervalMs is …`, `listen: …`.
    const [, key, message = ''] = /^([A-Za-z.]+):? (.*)$/s.exec(PeerdError.from(error).message) ?? [];
    if (key === undefined) throw error;
    const ours = key.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { path: ours.split('.'), message };
  }
}

function linesOf({ path, message }: Mistake, values: ConfigValues, layers: readonly Layer[]): string[] {
  const where = layers.findLast((layer) => valueAt(layer.values, path) !== undefined)?.where;
  const line = (at: readonly PropertyKey[], key: string, text: string) =>
    `${where === undefined ? '' : `${where(at)}: `}${key}: ${text}`;
  const key = path.join('.');
  const list = valueAt(values, path);
  const wrong = !Array.isArray(list)
    ? []
    : list.flatMap((element: unknown, index) => {
        const mistake = mistakeIn({ [key]: [element] });
        return mistake === undefined ? [] : [line([...path, index], `${key}[${index}]`, mistake.message)];
      });
  return wrong.length > 0 ? wrong : [line(path, key, message)];
}

function without<T extends object>(values: T, [key = '', ...below]: readonly string[]): T {
  const { [key]: value, ...rest } = values as Record<string, unknown>;
  const left = below.length > 0 ? { ...rest, [key]: without(value as object, below) } : rest;
  return left as T;
}
