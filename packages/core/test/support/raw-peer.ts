// A peer that says hello as it should and is then free to break any rule there is.
import { once } from 'node:events';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, MessageStream, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import * as lp from 'it-length-prefixed';
import { createLibp2p } from 'libp2p';
import { decodeHello, encodeHello } from '../../src/hello/codec.ts';
import {
  type Greeting,
  HELLO_PROTOCOL,
  HELLO_VERSIONS,
  type HelloMessage,
} from '../../src/hello/messages.ts';
import { encryptionKeyStatement } from '../../src/hello/proof.ts';
import { encryptionKeyOf, generateSecret } from '../../src/identity.ts';
import { FrameDecoder } from '../../src/request/decoder.ts';
import { encodeFrames } from '../../src/request/encoder.ts';
import { type Frame, REQUEST_PROTOCOL } from '../../src/request/frames.ts';
import { ROLE_PEER } from '../../src/roles.ts';

export class RawPeer implements AsyncDisposable {
  readonly node: Libp2p;
  readonly #greeting: Omit<Greeting, 'network'>;

  private constructor(node: Libp2p, greeting: Omit<Greeting, 'network'>) {
    this.node = node;
    this.#greeting = greeting;
  }

  static async start(): Promise<RawPeer> {
    const secret = await generateSecret();
    const privateKey = await generateKeyPairFromSeed('Ed25519', secret);
    const node = await createLibp2p({
      privateKey,
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false },
      connectionMonitor: { enabled: false },
    });
    const { publicKey: encryptionKey } = encryptionKeyOf(secret);
    return new RawPeer(node, {
      type: 'greeting',
      versions: HELLO_VERSIONS,
      name: 'mallory',
      features: [],
      encryptionKey,
      encryptionKeySignature: await privateKey.sign(encryptionKeyStatement(encryptionKey)),
      nonce: new Uint8Array(32),
      proof: new Uint8Array(0),
      roles: [ROLE_PEER],
      routing: 'table',
    });
  }

  get id(): string {
    return this.node.peerId.toString();
  }

  get address(): string {
    return `${this.node.getMultiaddrs()[0]}`;
  }

  dial(address: string): Promise<Connection> {
    return this.node.dial(multiaddr(address), { force: true });
  }

  /** Connects and is let in, as a peer of an open network; `greeting` is what it says otherwise than it should. */
  async enter(network: string, address: string, greeting: Partial<Greeting> = {}): Promise<Connection> {
    const connection = await this.dial(address);
    const stream = await connection.newStream(HELLO_PROTOCOL);
    const messages = lp.decode(stream)[Symbol.asyncIterator]();
    const next = async () =>
      decodeHello(((await messages.next()).value as { subarray(): Uint8Array }).subarray());
    stream.send(lp.encode.single(encodeHello({ ...this.#greeting, network, ...greeting })));
    const first = await next();
    if (first.type !== 'greeting') throw new Error(`not let in: ${JSON.stringify(first)}`);
    stream.send(lp.encode.single(encodeHello({ type: 'accept', proof: new Uint8Array(0) })));
    const last = await next();
    if (last.type !== 'accept') throw new Error(`not let in: ${JSON.stringify(last)}`);
    return connection;
  }

  /** Answers whoever greets with this. */
  async answerHello(message: HelloMessage): Promise<void> {
    await this.node.handle(HELLO_PROTOCOL, async (stream) => {
      await lp.decode(stream)[Symbol.asyncIterator]().next();
      stream.send(lp.encode.single(encodeHello(message)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
  }
}

/** A stream of calls, frame by frame. */
export class RawCalls {
  readonly stream: Stream;
  readonly received: Frame[] = [];
  readonly #decoder = new FrameDecoder();

  private constructor(stream: Stream) {
    this.stream = stream;
    stream.addEventListener('message', ({ data }) => this.#decoder.push(data.subarray(), this.received));
  }

  static async open(connection: Connection): Promise<RawCalls> {
    return new RawCalls(await connection.newStream(REQUEST_PROTOCOL));
  }

  send(...frames: Frame[]): void {
    for (const buffer of encodeFrames(frames)) this.stream.send(buffer);
  }

  /** Resolves when the other side has ended the stream. */
  async closed(): Promise<void> {
    if (this.stream.status === 'open') await once(this.stream as unknown as EventTarget, 'close');
  }
}

/** What a connection's muxer reads from and writes to: what is sent here goes out as it is, encrypted. */
export function beneathMuxer(connection: Connection): MessageStream {
  return (connection as unknown as { muxer: { maConn: MessageStream } }).muxer.maConn;
}
