import { PeerdError } from '@peerd/protocol';
import type { Datastore } from 'interface-datastore';
import { checkRules } from './access.ts';
import type { Limits, PeerConfig, Profile, RoutingSettings, ServiceRules } from './config.ts';
import { isClosed, isName, type Policy } from './hello/policy.ts';
import { networkKey } from './hello/proof.ts';
import { parseAddress, parsePeerId } from './host/address.ts';
import { type Log, silentLog } from './log.ts';
import type { Target } from './peers/target.ts';
import type { PingConfig } from './ping/state.ts';
import { MAX_TIMER_MS } from './timeout.ts';
import { version } from './version.ts';

/** A configuration that has been checked, with every default filled in. */
export interface Settings {
  /** A turn of the loop is not written in halves. */
  readonly isTurnWhole: boolean;
  readonly name: string;
  readonly version: string;
  readonly network: string;
  readonly policy: Policy;
  readonly isClosed: boolean;
  readonly listen: readonly string[];
  readonly peers: readonly Extract<Target, { kind: 'address' }>[];
  readonly topics: readonly string[];
  readonly services: ServiceRules;
  readonly profile: Profile;
  readonly isDiscoveryOn: boolean;
  readonly mdns: boolean;
  readonly routing: RoutingSettings;
  readonly compat: 'tinyp2p' | undefined;
  readonly bootstrapIntervalMs: number;
  readonly firstBootstrapMs: number;
  readonly ping: PingConfig;
  readonly limits: Limits;
  readonly datastore: Datastore | undefined;
  readonly log: Log;
}

const MiB = 1024 * 1024;

/**
 * Together they bound what a node holds for users to about 320 MiB: 64 queued, 256 in flight. 16,384 calls
 * take about 10 MiB besides their payloads.
 */
export const defaultLimits: Limits = {
  maxPayloadBytes: 16 * MiB,
  maxQueuedCommands: 32_768,
  maxQueuedBytes: 64 * MiB,
  maxOutboundCalls: 16_384,
  maxInboundCallsPerPeer: 16_384,
  maxBytesInFlight: 256 * MiB,
};

export const defaultRouting: RoutingSettings = {
  strategy: 'table',
  randomFallback: true,
  forward: 'network',
};

/** Longest name of a network. */
const MAX_NETWORK_LENGTH = 63;

/** Fails with `invalid`, naming the key. */
export function settingsOf(config: PeerConfig): Settings {
  const network = config.network ?? 'peerd';
  const profile = config.profile ?? 'local';
  const discovery = config.discovery ?? 'on';
  const isDiscoveryOn = discovery === 'on';
  check(isName(config.name), 'name', `${JSON.stringify(config.name)} is not 1 to 63 of a-z A-Z 0-9 . _ -`);
  check(
    network.length > 0 && network.length <= MAX_NETWORK_LENGTH && !/\p{Cc}/u.test(network),
    'network',
    `needs 1 to ${MAX_NETWORK_LENGTH} characters, no control characters among them`,
  );
  check(config.networkSecret !== '', 'networkSecret', 'is empty: leave it out for an open network');
  check(['local', 'lan', 'internet'].includes(profile), 'profile', 'is one of local, lan, internet');
  check(['on', 'off'].includes(discovery), 'discovery', 'is on or off');
  check(config.compat === undefined || config.compat === 'tinyp2p', 'compat', 'is tinyp2p, or left out');
  check(!(config.mdns && !isDiscoveryOn), 'mdns', 'needs discovery = on');
  const routing = { ...defaultRouting, ...config.routing };
  const { strategy, randomFallback, forward } = routing;
  check(['table', 'source'].includes(strategy), 'routing.strategy', 'is table or source');
  check(typeof randomFallback === 'boolean', 'routing.randomFallback', 'is true or false');
  check(['network', 'all', 'nobody'].includes(forward), 'routing.forward', 'is one of network, all, nobody');
  const limits = { ...defaultLimits, ...config.limits };
  for (const [key, value] of Object.entries(limits))
    check(Number.isSafeInteger(value) && value > 0, `limits.${key}`, 'is a positive integer');
  const bootstrapIntervalMs = config.bootstrapIntervalMs ?? 30_000;
  const firstBootstrapMs = config.firstBootstrapMs ?? 5_000;
  const ping = { intervalMs: config.pingIntervalMs ?? 15_000, timeoutMs: config.pingTimeoutMs ?? 15_000 };
  checkMs(bootstrapIntervalMs, 'bootstrapIntervalMs', 100);
  checkMs(firstBootstrapMs, 'firstBootstrapMs', 0);
  checkMs(ping.intervalMs, 'pingIntervalMs', 100);
  checkMs(ping.timeoutMs, 'pingTimeoutMs', 100);
  const policy: Policy = {
    network,
    key: config.networkSecret === undefined ? undefined : networkKey(network, config.networkSecret),
    allow: peerIds('allow', config.allow),
    deny: peerIds('deny', config.deny),
  };
  const listen = config.listen ?? [profile === 'local' ? '/ip4/127.0.0.1/tcp/0' : '/ip4/0.0.0.0/tcp/0'];
  return {
    isTurnWhole: config.turns === 'whole',
    name: config.name,
    version,
    network,
    policy,
    isClosed: isClosed(policy),
    listen: listen.map((text) => within('listen', () => parseAddress(text).address)),
    peers: (config.peers ?? []).map((text) => within('peers', () => peerAddress(text))),
    topics: config.topics ?? [],
    services: checkRules(config.services ?? {}),
    profile,
    isDiscoveryOn,
    mdns: config.mdns ?? false,
    routing,
    compat: config.compat,
    bootstrapIntervalMs,
    firstBootstrapMs,
    ping,
    limits,
    datastore: config.datastore,
    log: config.log ?? silentLog,
  };
}

/** What `createPeer` would work with, every default filled in. Fails as it does on a configuration that can't work. */
export function checkConfig(config: PeerConfig): Settings {
  return settingsOf(config);
}

function check(holds: boolean, key: string, message: string): void {
  if (!holds) throw new PeerdError('invalid', `${key} ${message}`);
}

/** Timers take whole ms, and no more than `MAX_TIMER_MS`. */
function checkMs(ms: number, key: string, leastMs: number): void {
  const holds = Number.isInteger(ms) && ms >= leastMs && ms <= MAX_TIMER_MS;
  check(holds, key, `is ${ms}: expected a whole number of ms from ${leastMs} to ${MAX_TIMER_MS}`);
}

function within<T>(key: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new PeerdError('invalid', `${key}: ${PeerdError.from(error).message}`, { cause: error });
  }
}

function peerIds(key: string, ids: readonly string[] = []): Set<string> {
  return new Set(
    ids.map((text) => {
      const id = parsePeerId(text);
      if (id === undefined)
        throw new PeerdError('invalid', `${key}: ${JSON.stringify(text)} is not a peer id`);
      return id;
    }),
  );
}

function peerAddress(text: string): Extract<Target, { kind: 'address' }> {
  const { address, peer } = parseAddress(text);
  return { kind: 'address', key: address, address, ...(peer === undefined ? {} : { peer }) };
}
