import { checkConfig, type Settings } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { durationMistake } from './duration.ts';
import type { Mistake } from './mistakes.ts';
import { type ConfigValues, peerConfigOf } from './schema.ts';
import { type Layer, valueAt } from './sources.ts';

/** What core has against a value, by the key of the file. */
interface Objection {
  path: readonly string[];
  message: string;
}

/** A mistake of the layer whose value won; undefined: of none. */
export interface MergedMistake extends Mistake {
  readonly layer: Layer | undefined;
}

/**
 * What core has against these merged values, found before anything is made on disk: with the place and key it has in the
 * layer that won.
 */
export function checkMerged(values: ConfigValues, layers: readonly Layer[]): MergedMistake[] {
  const mistakes: MergedMistake[] = [];
  let rest = values;
  for (let objection = objectionTo(rest); objection !== undefined; objection = objectionTo(rest)) {
    const { path, message } = objection;
    const [key = ''] = path;
    if (!(key in rest))
      return [...mistakes, { layer: undefined, position: 0, line: `${path.join('.')}: ${message}` }];
    mistakes.push(...mistakesBy(objection, rest, layers));
    rest = without(rest, path);
  }
  return mistakes;
}

/** What core would work with, but for what its secrets come to. Fails on values that it does not take. */
export function settingsOf(values: ConfigValues): Settings {
  // There is nothing more to check in the secret, and to derive its key takes 50 ms.
  const checked = { ...values, network_secret: undefined };
  return checkConfig(peerConfigOf(checked, { name: values.name ?? 'peerd', secret: new Uint8Array(32) }));
}

/** The first thing that core has against these values, by the key of the file. */
function objectionTo(values: ConfigValues): Objection | undefined {
  try {
    settingsOf(values);
    return undefined;
  } catch (error) {
    // Core's text begins with its own name of the key: `bootstrapIntervalMs is …`, `listen: …`.
    const [, key, message = ''] = /^([A-Za-z.]+):? (.*)$/s.exec(PeerdError.from(error).message) ?? [];
    if (key === undefined) throw error;
    const ours = key.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    // As the check of a source says it.
    const said = durationMistake(message) ?? message.replace(/^is (.*): (expected .*)$/s, '$2, found $1');
    return { path: ours.split('.'), message: said };
  }
}

function mistakesBy(
  { path, message }: Objection,
  values: ConfigValues,
  layers: readonly Layer[],
): MergedMistake[] {
  const layer = layers.findLast((each) => valueAt(each.values, path) !== undefined);
  const mistake = (at: readonly PropertyKey[], key: string, text: string): MergedMistake => ({
    layer,
    position: layer?.position(at) ?? 0,
    line: `${layer === undefined ? '' : `${layer.where(at)}: `}${key}: ${text}`,
  });
  const key = path.join('.');
  const list = valueAt(values, path);
  const wrong = !Array.isArray(list)
    ? []
    : list.flatMap((element: unknown, index) => {
        const objection = objectionTo({ [key]: [element] });
        return objection === undefined
          ? []
          : [mistake([...path, index], `${key}[${index}]`, objection.message)];
      });
  return wrong.length > 0 ? wrong : [mistake(path, key, message)];
}

function without<T extends object>(values: T, [key = '', ...below]: readonly string[]): T {
  const { [key]: value, ...rest } = values as Record<string, unknown>;
  const left = below.length > 0 ? { ...rest, [key]: without(value as object, below) } : rest;
  return left as T;
}
