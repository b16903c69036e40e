// A peer as another implementation would be: libp2p's own parts and tinyp2p's protocols, nothing of ours.
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { type GossipSub, type GossipsubMessage, type GossipsubOpts, gossipsub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface';
import { type KadDHT, type KadDHTInit, kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { peerIdFromString } from '@libp2p/peer-id';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import * as lp from 'it-length-prefixed';
import { createLibp2p } from 'libp2p';

const TINYP2P_REQUEST = '/tinyp2p/req-resp/1.0.0';
const MAX_BYTES = 32 * 1024 * 1024;

interface BareServices extends Record<string, unknown> {
  identify: Identify;
  ping: Ping;
  gossip: GossipSub;
  dht?: KadDHT;
}

export interface BareOptions {
  /** The DHT it takes part in. Default: none. */
  dht?: KadDHTInit;
  gossip?: Partial<GossipsubOpts>;
  /** The addresses it tells of, whatever it listens on. */
  announce?: string[];
}

/** Answers a request; `undefined` refuses it. */
export type BareHandler = (payload: Uint8Array) => Uint8Array | undefined;

/** A message as it goes over the wire. */
export interface GossipFields {
  from?: Uint8Array;
  data?: Uint8Array;
  seqno?: Uint8Array;
  topic: string;
  signature?: Uint8Array | undefined;
  key?: Uint8Array;
}

/** The bytes of a peer id, as they stand in messages. */
export function idBytes(id: string): Uint8Array {
  return peerIdFromString(id).toMultihash().bytes;
}

export class BareNode implements AsyncDisposable {
  readonly node: Libp2p<BareServices>;

  private constructor(node: Libp2p<BareServices>) {
    this.node = node;
  }

  static async start(options: BareOptions = {}): Promise<BareNode> {
    const { dht, gossip, announce = [] } = options;
    const node = await createLibp2p<BareServices>({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'], announce },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
      connectionManager: { inboundConnectionThreshold: 1_000 },
      services: {
        identify: identify(),
        ping: ping(),
        gossip: gossipsub({ allowPublishToZeroTopicPeers: true, ...gossip }),
        ...(dht === undefined
          ? {}
          : { dht: kadDHT({ peerInfoMapper: passthroughMapper, allowQueryWithZeroPeers: true, ...dht }) }),
      },
    });
    return new BareNode(node);
  }

  get id(): string {
    return this.node.peerId.toString();
  }

  get address(): string {
    return `${this.node.getMultiaddrs()[0]}`;
  }

  get gossip(): GossipSub {
    return this.node.services.gossip;
  }

  get dht(): KadDHT {
    const { dht } = this.node.services;
    if (dht === undefined) throw new Error('this node was started without a DHT');
    return dht;
  }

  dial(address: string | Multiaddr): Promise<Connection> {
    return this.node.dial(multiaddr(`${address}`));
  }

  /** Connects, and resolves to the protocols that the other side says it speaks. */
  async protocolsOf(address: string): Promise<string[]> {
    const identified = this.#nextIdentified();
    await this.dial(address);
    return (await identified).protocols;
  }

  /** Makes one connection more, and resolves when each side knows what the other speaks on it. */
  async dialAgain(address: string): Promise<void> {
    const identified = this.#nextIdentified();
    await this.node.dial(multiaddr(address), { force: true });
    await identified;
    await this.roundTrip(address);
  }

  #nextIdentified(): Promise<IdentifyResult> {
    return new Promise((resolve) => {
      const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => resolve(detail);
      this.node.addEventListener('peer:identify', onIdentify, { once: true });
    });
  }

  /** Asks as tinyp2p does, with a stream for this one request; `undefined`: refused. */
  async ask(address: string, payload: Uint8Array): Promise<Uint8Array | undefined> {
    const connection = await this.dial(address);
    const stream = await connection.newStream(TINYP2P_REQUEST, { maxOutboundStreams: 256 });
    stream.send(lp.encode.single(payload));
    await stream.close();
    for await (const message of lp.decode(stream, { maxDataLength: MAX_BYTES }))
      return Uint8Array.from(message.subarray());
    return undefined;
  }

  /** Answers as tinyp2p does: a refusal is the end of the stream without an answer. */
  async serve(handler: BareHandler): Promise<void> {
    await this.node.handle(TINYP2P_REQUEST, async (stream) => {
      for await (const message of lp.decode(stream, { maxDataLength: MAX_BYTES })) {
        const answer = handler(message.subarray());
        if (answer !== undefined) stream.send(lp.encode.single(answer));
        break;
      }
      await stream.close();
    });
  }

  /** Whom it forwards the topic's messages to. */
  meshOf(topic: string): string[] {
    return (this.gossip as GossipSub & { getMeshPeers(topic: string): string[] }).getMeshPeers(topic);
  }

  /** Resolves with the first message on any topic that comes from now on. */
  nextMessage(): Promise<{ topic: string; from: string | undefined; text: string }> {
    return new Promise((resolve) => {
      const onMessage = ({ detail: { msg } }: CustomEvent<GossipsubMessage>) =>
        resolve({
          topic: msg.topic,
          from: msg.type === 'signed' ? msg.from.toString() : undefined,
          text: new TextDecoder().decode(msg.data),
        });
      this.gossip.addEventListener('gossipsub:message', onMessage, { once: true });
    });
  }

  /** Publishes a message that is signed as it should be and then, on its way out, made into something else. */
  async publishForged(
    topic: string,
    data: Uint8Array,
    forge: (message: GossipFields) => GossipFields,
  ): Promise<void> {
    interface Sender {
      sendRpc(peer: string, rpc: { messages: GossipFields[] }): boolean;
    }
    const sender = this.gossip as unknown as Sender;
    const honest = sender.sendRpc;
    sender.sendRpc = (peer, rpc) => honest.call(sender, peer, { ...rpc, messages: rpc.messages.map(forge) });
    try {
      const { recipients } = await this.gossip.publish(topic, data);
      if (recipients.length === 0) throw new Error('it went to nobody');
    } finally {
      sender.sendRpc = honest;
    }
  }

  /** Resolves when the other side has read all that was sent to it on the same connection before. */
  async roundTrip(address: string): Promise<void> {
    await this.node.services.ping.ping(multiaddr(address));
  }

  /** Peers in its DHT's table. */
  get dhtSize(): number {
    return (this.dht as KadDHT & { routingTable: { size: number } }).routingTable.size;
  }

  /** The ids of those whom the peer at `address` tells of when it is asked who is close to `key`. */
  async findAt(peer: string, key: Uint8Array): Promise<{ id: string; addresses: string[] }[]> {
    for await (const event of this.dht.getClosestPeers(key))
      if (event.name === 'PEER_RESPONSE' && event.from.toString() === peer)
        return event.closer.map(({ id, multiaddrs }) => ({
          id: id.toString(),
          addresses: multiaddrs.map((address) => `${address}`),
        }));
    throw new Error(`${peer} did not answer the query`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
  }
}
