import { noise } from '@chainsafe/libp2p-noise';
import { type GossipSub, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Connection, Ed25519PrivateKey, Libp2p, PeerInfo } from '@libp2p/interface';
import type { Registrar } from '@libp2p/interface-internal';
import { type KadDHT, kadDHT, removePrivateAddressesMapper } from '@libp2p/kad-dht';
import { mdns } from '@libp2p/mdns';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { shareable } from '../discovery/addresses.ts';
import { areaLog } from '../log.ts';
import type { Settings } from '../settings.ts';
import { coalescing } from './coalesce.ts';
import { Gate } from './gate.ts';
import { gossipOptions } from './gossip-options.ts';
import { libp2pLogger } from './logger.ts';
import { boundedYamux } from './muxer.ts';
import { noiseCrypto } from './noise-crypto.ts';

export interface Services extends Record<string, unknown> {
  identify: Identify;
  ping: Ping;
  gossip: GossipSub;
  dht?: KadDHT;
}

/** The libp2p node and what peerd adds to it. Drivers work through this; nothing else knows libp2p. */
export interface Host {
  readonly node: Libp2p<Services>;
  readonly gate: Gate;
  /** Open connections by id. */
  readonly connections: Map<string, Connection>;
  readonly registrar: Registrar;
}

/** Streams of the muxer on one connection; each of our protocols sets its own, lower limit. */
const MAX_MUXED_STREAMS = 1_024;

/** Peers and their addresses are kept this long without being seen. */
const PEER_AGE_MS = 30 * 24 * 60 * 60 * 1_000;

/** Longest time a dial may take: to the end of the handshakes, over all addresses. */
const DIAL_TIMEOUT_MS = 10_000;

/** A muxer that passes on protocols to wait for. */
const IDENTIFY_TIMEOUT_MS = 10_000;

/** DHT entries of tinyp2p are under `/ipfs`; ours have a name of their own so that the two do not mix. */
export function dhtProtocol(compat: Settings['compat']): string {
  return compat === 'tinyp2p' ? '/ipfs/kad/1.0.0' : '/peerd/kad/1.0.0';
}

/** What the DHT takes in and passes on of a peer. */
function shareableInfo(info: PeerInfo, profile: Settings['profile']): PeerInfo {
  const multiaddrs = info.multiaddrs.filter((address) => shareable([address.toString()], profile).length > 0);
  return profile === 'internet'
    ? removePrivateAddressesMapper({ ...info, multiaddrs })
    : { ...info, multiaddrs };
}

/** Builds the node without starting it. */
export async function createHost(settings: Settings, privateKey: Ed25519PrivateKey): Promise<Host> {
  const isTrusted = settings.profile !== 'internet';
  const gate = new Gate(settings.isClosed);
  let registrar: Registrar | undefined;
  const node = await createLibp2p<Services>({
    start: false,
    privateKey,
    addresses: { listen: [...settings.listen] },
    nodeInfo: { name: 'peerd', version: settings.version, userAgent: `peerd/${settings.version}` },
    transports: [tcp()],
    connectionEncrypters: [coalescing(noise({ crypto: noiseCrypto }))],
    streamMuxers: [
      boundedYamux({ maxInboundStreams: MAX_MUXED_STREAMS, maxOutboundStreams: MAX_MUXED_STREAMS }),
    ],
    // Which addresses are reachable is for the dialler to find out.
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: {
      dialTimeout: DIAL_TIMEOUT_MS,
      // Many peers behind one address is what a test, a lab or an office looks like.
      inboundConnectionThreshold: isTrusted ? 1_000 : 10,
      maxIncomingPendingConnections: isTrusted ? 200 : 50,
      // Connections that matter are dialled again by discovery, with its own backoff.
      reconnectRetries: 0,
    },
    // Liveness is checked by the ping feature, through the loop.
    connectionMonitor: { enabled: false },
    peerStore: { maxAddressAge: PEER_AGE_MS, maxPeerAge: PEER_AGE_MS },
    ...(settings.datastore === undefined ? {} : { datastore: settings.datastore }),
    ...(settings.mdns ? { peerDiscovery: [mdns({ serviceTag: `peerd-${settings.network}.local` })] } : {}),
    logger: libp2pLogger(areaLog(settings.log, 'libp2p')),
    services: {
      gate: (components: { registrar: Registrar }) => {
        registrar = components.registrar;
        gate.install(components.registrar);
        return gate;
      },
      identify: identify({ timeout: IDENTIFY_TIMEOUT_MS }),
      ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
      gossip: gossipsub(gossipOptions(settings)),
      ...(settings.isDiscoveryOn
        ? {
            dht: kadDHT({
              protocol: dhtProtocol(settings.compat),
              clientMode: false,
              allowQueryWithZeroPeers: true,
              peerInfoMapper: (info) => shareableInfo(info, settings.profile),
            }),
          }
        : {}),
    },
  });
  return { node, gate, connections: new Map(), registrar: registrar as unknown as Registrar };
}
