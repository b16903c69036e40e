import { levelsOf } from './environment.ts';
import { keyPosition, keysBelow, type RawConfig } from './schema.ts';
import type { ConfigSource } from './sources.ts';

/** Values of the command line. `log_level` may be levels by area too: `info,request=debug`. */
export function flagSource(flags: RawConfig): ConfigSource {
  const { log_level: levels, ...values } = flags;
  if (typeof levels === 'string')
    for (const [[key = '', area], level] of levelsOf(levels))
      values[key] = area === undefined ? level : { ...(values[key] as object | undefined), [area]: level };
  return { values, where: flagOf, position: keyPosition };
}

/** The flag that a key of the configuration has on the command line: of a table `--routing-strategy`. */
function flagOf([key = '', below]: readonly PropertyKey[]): string {
  if (key === 'peers') return '--peer';
  if (key === 'log_levels') return '--log-level';
  // The only one that turns something off.
  if (key === 'routing' && below === 'random_fallback') return '--no-routing-random-fallback';
  const isOfTable = below !== undefined && keysBelow([key]).length > 0;
  const path = isOfTable ? `${String(key)}-${String(below)}` : String(key);
  return `--${path.replaceAll('_', '-')}`;
}
