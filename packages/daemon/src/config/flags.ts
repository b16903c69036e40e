import { levelsOf } from './environment.ts';
import { keyPosition, type RawConfig } from './schema.ts';
import type { ConfigSource } from './sources.ts';

/** Values of the command line. `log_level` may be levels by area too: `info,request=debug`. */
export function flagSource(flags: RawConfig): ConfigSource {
  const { log_level: levels, ...values } = flags;
  if (typeof levels === 'string')
    for (const [[key = '', area], level] of levelsOf(levels))
      values[key] = area === undefined ? level : { ...(values[key] as object | undefined), [area]: level };
  return { values, where: ([key]) => flagOf(String(key)), position: keyPosition };
}

/** The flag that a key of the configuration has on the command line. */
function flagOf(key: string): string {
  if (key === 'peers') return '--peer';
  return key === 'log_levels' ? '--log-level' : `--${key.replaceAll('_', '-')}`;
}
