import {
  decodeSecret,
  type Limits,
  type LogArea,
  logAreas,
  type PeerConfig,
  parsePeerId,
  type RoutingSettings,
} from '@peerd/core';
import { parseDuration, type ServiceAccess } from '@peerd/protocol';
import { isPeerdName, maxControlPayloadBytes } from '@peerd/protocol/control';
import { z } from 'zod';
import { type LogLevel, logLevels } from '../log/levels.ts';
import type { Levels } from '../log/log.ts';

/** The configuration after checking: durations in milliseconds, the secret in bytes. */
export interface ConfigValues {
  name?: string | undefined;
  network?: string | undefined;
  network_secret?: string | undefined;
  allow?: string[] | undefined;
  deny?: string[] | undefined;
  listen?: string[] | undefined;
  peers?: string[] | undefined;
  profile?: 'local' | 'lan' | 'internet' | undefined;
  discovery?: 'on' | 'off' | undefined;
  mdns?: boolean | undefined;
  compat?: 'tinyp2p' | undefined;
  bootstrap_interval?: number | undefined;
  first_bootstrap?: number | undefined;
  secret?: Uint8Array | undefined;
  data?: string | undefined;
  socket?: string | undefined;
  log_level?: LogLevel | undefined;
  log_levels?: { [Area in LogArea]?: LogLevel | undefined } | undefined;
  routing?: RoutingValues | undefined;
  limits?: LimitValues | undefined;
  /** By the service's name. */
  services?: Record<string, { access: 'open' | 'nobody' | string[] }> | undefined;
}

interface RoutingValues {
  strategy?: RoutingSettings['strategy'] | undefined;
  random_fallback?: boolean | undefined;
  forward?: RoutingSettings['forward'] | undefined;
}

interface LimitValues {
  max_payload_bytes?: number | undefined;
  max_queued_commands?: number | undefined;
  max_queued_bytes?: number | undefined;
  max_outbound_calls?: number | undefined;
  max_inbound_calls_per_peer?: number | undefined;
  max_bytes_in_flight?: number | undefined;
}

const name = z
  .string()
  .refine(isPeerdName, 'expected 1 to 63 of a-z A-Z 0-9 . _ -, not starting with . or -');
const text = z.string().min(1, 'expected a text that is not empty');
const texts = z.array(text);
const count = z.int().min(1);

const expectedDuration = 'expected a duration such as "30s" or "500ms"';
const duration = z.string(expectedDuration).transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: expectedDuration });
  return z.NEVER;
});

/** Never says what it was given: it is a secret even when it is malformed. */
const secret = z.string().transform((value, context) => {
  try {
    return decodeSecret(value);
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'expected a base58 secret of 32 bytes, as `peerd keygen` prints it',
    });
    return z.NEVER;
  }
});

const peerId = z
  .string()
  .refine((value) => parsePeerId(value) !== undefined, 'expected a peer id (a name proves nothing)');
const access = z.union([z.enum(['open', 'nobody']), z.array(peerId)], {
  error: 'expected "open", "nobody" or a list of peer ids (a name proves nothing)',
});

const level = z.enum(logLevels);

/** The tables of the file. */
const tables = {
  log_levels: Object.fromEntries(logAreas.map((area) => [area, level])),
  routing: {
    strategy: z.enum(['table', 'source']),
    random_fallback: z.boolean(),
    forward: z.enum(['network', 'all', 'nobody']),
  },
  limits: {
    max_payload_bytes: count.max(maxControlPayloadBytes),
    max_queued_commands: count,
    max_queued_bytes: count,
    max_outbound_calls: count,
    max_inbound_calls_per_peer: count,
    max_bytes_in_flight: count,
  },
};

const keys = {
  name,
  network: text,
  network_secret: text,
  allow: texts,
  deny: texts,
  listen: texts.min(1, 'expected at least one address'),
  peers: texts,
  profile: z.enum(['local', 'lan', 'internet']),
  discovery: z.enum(['on', 'off']),
  mdns: z.boolean(),
  compat: z.enum(['tinyp2p']),
  bootstrap_interval: duration,
  first_bootstrap: duration,
  secret,
  data: text,
  socket: text,
  log_level: level,
};

/** Values as they are written, before they are checked. */
export type RawConfig = Record<string, unknown>;

/** The keys of the configuration, as the file has them. Nothing is required: every key has a default. */
export const configSchema: z.ZodType<ConfigValues> = z
  .strictObject({
    ...keys,
    log_levels: z.strictObject(tables.log_levels).partial(),
    routing: z.strictObject(tables.routing).partial(),
    limits: z.strictObject(tables.limits).partial(),
    services: z.record(z.string(), z.strictObject({ access })),
  })
  .partial();

/** How the value of a key is written where there is only text. */
export type Notation = 'text' | 'list' | 'number' | 'boolean';

export interface ConfigKey {
  /** One step, or for a key of a table two. */
  path: readonly string[];
  notation: Notation;
}

/** Every key that has a value of its own, in the order of the documentation. */
export const configKeys: readonly ConfigKey[] = [
  ...Object.entries(keys).map(([key, type]) => ({ path: [key], notation: notationOf(type) })),
  ...Object.entries(tables).flatMap(([table, below]) =>
    Object.entries(below).map(([key, type]) => ({ path: [table, key], notation: notationOf(type) })),
  ),
];

/** Where a key stands in that order; one that is not among them comes after. */
export function keyPosition(path: readonly PropertyKey[]): number {
  const found = configKeys.findIndex((key) => key.path.every((step, index) => step === path[index]));
  return found < 0 ? configKeys.length : found;
}

/** Values that are never shown. */
export const secretKeys: readonly (keyof ConfigValues)[] = ['secret', 'network_secret'];

/** The names that may stand below a path: `[]` is the file as a whole. */
export function keysBelow([table, service]: readonly PropertyKey[]): readonly string[] {
  if (table === undefined) return [...Object.keys(keys), ...Object.keys(tables), 'services'];
  if (table === 'services' && service !== undefined) return ['access'];
  return Object.keys(tables[table as keyof typeof tables] ?? {});
}

function notationOf(type: z.ZodType): Notation {
  if (type instanceof z.ZodArray) return 'list';
  if (type instanceof z.ZodBoolean) return 'boolean';
  return type instanceof z.ZodNumber ? 'number' : 'text';
}

/** What is logged. */
export function levelsOf(values: ConfigValues): Levels {
  return { level: values.log_level ?? 'info', areas: values.log_levels };
}

/** The part of the configuration that core takes; the name and the secret are found elsewhere if not given. */
export function peerConfigOf(values: ConfigValues, found: { name: string; secret: Uint8Array }): PeerConfig {
  return {
    ...found,
    ...defined({
      network: values.network,
      networkSecret: values.network_secret,
      allow: values.allow,
      deny: values.deny,
      listen: values.listen,
      peers: values.peers,
      profile: values.profile,
      discovery: values.discovery,
      mdns: values.mdns,
      compat: values.compat,
      routing: values.routing === undefined ? undefined : routingOf(values.routing),
      bootstrapIntervalMs: values.bootstrap_interval,
      firstBootstrapMs: values.first_bootstrap,
      services: values.services === undefined ? undefined : rulesOf(values.services),
      limits: values.limits === undefined ? undefined : limitsOf(values.limits),
    }),
  };
}

function rulesOf(values: NonNullable<ConfigValues['services']>): Record<string, ServiceAccess> {
  const rules = Object.entries(values).map(([service, { access }]) => {
    const rule: ServiceAccess = typeof access === 'string' ? access : { peers: access };
    return [service, rule];
  });
  return Object.fromEntries(rules);
}

function routingOf(values: RoutingValues): Partial<RoutingSettings> {
  return defined({
    strategy: values.strategy,
    randomFallback: values.random_fallback,
    forward: values.forward,
  });
}

function limitsOf(values: LimitValues): Partial<Limits> {
  return defined({
    maxPayloadBytes: values.max_payload_bytes,
    maxQueuedCommands: values.max_queued_commands,
    maxQueuedBytes: values.max_queued_bytes,
    maxOutboundCalls: values.max_outbound_calls,
    maxInboundCallsPerPeer: values.max_inbound_calls_per_peer,
    maxBytesInFlight: values.max_bytes_in_flight,
  });
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the keys whose value is undefined: for core a key that is there is a key that was given. */
function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
