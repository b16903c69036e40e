import { logAreas, type Settings } from '@peerd/core';
import { settingsOf } from './check.ts';
import { durationText } from './duration.ts';
import type { DaemonConfig } from './load.ts';
import { type ConfigValues, configKeys, secretKeys } from './schema.ts';
import { valueAt } from './sources.ts';

export interface ConfigEntry {
  /** As in the file; of a table `limits.max_queued_bytes`. */
  key: string;
  /** As it is written in the file; `null`: none, or not to be shown. */
  value: string | number | boolean | readonly string[] | null;
  /** `default`, `FILE:LINE`, `PEERD_X` or `--flag`. */
  source: string;
  /** There is a value, and it is secret. */
  isRedacted: boolean;
}

/** Every key with the value that counts and where that comes from; of `services` those that are named. */
export function describeConfig(config: DaemonConfig): ConfigEntry[] {
  const effective = effectiveValues(config);
  const services = Object.keys(config.values.services ?? {}).map((name) => ['services', name, 'access']);
  return [...configKeys.map(({ path }) => path), ...services].map((path) => {
    const value = valueAt(effective, path);
    const isRedacted = value !== undefined && (secretKeys as readonly string[]).includes(path.join('.'));
    return {
      key: path.join('.'),
      value: isRedacted || value === undefined ? null : (value as ConfigEntry['value']),
      source: config.sourceOf(originOf(path, config.values)),
      isRedacted,
    };
  });
}

/** The key whose value counts: an area without a level of its own has that of `log_level`. */
function originOf(path: readonly string[], values: ConfigValues): readonly string[] {
  return path[0] === 'log_levels' && valueAt(values, path) === undefined ? ['log_level'] : path;
}

function effectiveValues(config: DaemonConfig): object {
  const { values, name, data, socket } = config;
  const settings = settingsOf(values);
  const level = values.log_level ?? 'info';
  return {
    ...values,
    ...defaultsOf(settings, values),
    name,
    data,
    socket,
    log_level: level,
    log_levels: Object.fromEntries(logAreas.map((area) => [area, values.log_levels?.[area] ?? level])),
  };
}

function defaultsOf({ limits, routing, ...settings }: Settings, values: ConfigValues): object {
  return {
    network: settings.network,
    allow: [...settings.policy.allow],
    deny: [...settings.policy.deny],
    listen: settings.listen,
    peers: values.peers ?? [],
    profile: settings.profile,
    discovery: settings.isDiscoveryOn ? 'on' : 'off',
    mdns: settings.mdns,
    bootstrap_interval: durationText(settings.bootstrapIntervalMs),
    first_bootstrap: durationText(settings.firstBootstrapMs),
    routing: {
      strategy: routing.strategy,
      random_fallback: routing.randomFallback,
      forward: routing.forward,
    },
    limits: {
      max_payload_bytes: limits.maxPayloadBytes,
      max_queued_commands: limits.maxQueuedCommands,
      max_queued_bytes: limits.maxQueuedBytes,
      max_outbound_calls: limits.maxOutboundCalls,
      max_inbound_calls_per_peer: limits.maxInboundCallsPerPeer,
      max_bytes_in_flight: limits.maxBytesInFlight,
    },
  };
}
