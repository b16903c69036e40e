import type { DaemonConfig } from './load.ts';
import { secretKeys } from './schema.ts';
import { describeConfig } from './show.ts';
import { valueAt } from './sources.ts';

/** What became of a configuration that was read again. */
export interface ReloadResult {
  /** Keys whose new value is in force. */
  changed: readonly string[];
  /** Keys whose new value needs a restart of the daemon. */
  restart: readonly string[];
  /** What is not well though it works. */
  warnings: readonly string[];
}

/** The keys, and the tables, whose values can change while the daemon runs. */
const changeable: readonly string[] = [
  'allow',
  'deny',
  'peers',
  'bootstrap_interval',
  'log_level',
  'log_levels',
  'limits',
  'services',
];

/** Of those tables: it is built into the buffers of the network stack. */
const unchangeable: readonly string[] = ['limits.max_payload_bytes'];

/** What is different between the configurations that the daemon was started with, that is in force, and that was read. */
export function compareConfigs(
  started: DaemonConfig,
  inForce: DaemonConfig,
  read: DaemonConfig,
): Pick<ReloadResult, 'changed' | 'restart'> {
  return {
    changed: differences(inForce, read).filter(isChangeable),
    restart: differences(started, read).filter((key) => !isChangeable(key)),
  };
}

function isChangeable(key: string): boolean {
  const [table = ''] = key.split('.');
  return changeable.includes(table) && !unchangeable.includes(key);
}

function differences(before: DaemonConfig, after: DaemonConfig): string[] {
  const [old, now] = [valuesOf(before), valuesOf(after)];
  return [...new Set([...now.keys(), ...old.keys()])].filter((key) => old.get(key) !== now.get(key));
}

/** The value of each key, as text. */
function valuesOf(config: DaemonConfig): Map<string, string> {
  const values = new Map(describeConfig(config).map(({ key, value }) => [key, JSON.stringify(value)]));
  for (const key of secretKeys) values.set(key, `${valueAt(config.values, [key])}`);
  // By themselves, or all of them would change with the level that they have by default.
  for (const key of values.keys())
    if (key.startsWith('log_levels.')) values.set(key, `${valueAt(config.values, key.split('.'))}`);
  return values;
}
