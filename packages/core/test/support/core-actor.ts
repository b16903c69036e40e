import { createHash, sign } from 'node:crypto';
import type { CounterInfo, PeerdError, PeerRef, PingResult, QueueInfo, TraceResult } from '@peerd/protocol';
import { routingSelf } from '../../src/adverts.ts';
import { Responder, type Settler } from '../../src/channel/responder.ts';
import { sealingSelf, sessionsSelf } from '../../src/ends.ts';
import { decodeHello, encodeHello } from '../../src/hello/codec.ts';
import { encryptionKeyStatement } from '../../src/hello/proof.ts';
import { encryptionKeyOf, peerIdOf, signingKeyOf } from '../../src/identity.ts';
import { keyOfPeer } from '../../src/peer-keys.ts';
import type { Target } from '../../src/peers/target.ts';
import { FrameDecoder } from '../../src/request/decoder.ts';
import { encodeFrames } from '../../src/request/encoder.ts';
import { type Frame, FrameType, type PacketFrame } from '../../src/request/frames.ts';
import { type CoreConfig, NodeCore } from '../../src/server/core.ts';
import type { CoreTop, Drivers, Input, Output } from '../../src/server/messages.ts';
import type { Actor, World } from '../../src/simulation/simulation.ts';
import { coreConfig, openPolicy } from './core-config.ts';

/** The wall clock when a simulation begins, in ms since 1970. */
const DATE_MS = 1_800_000_000_000;

/** What goes between two neighbours: the bytes of a hello, or of a stream of calls, which `opener` has opened. */
export type Wire =
  | { readonly type: 'hello'; readonly bytes: Uint8Array }
  | { readonly type: 'open'; readonly stream: number }
  | { readonly type: 'bytes'; readonly stream: number; readonly opener: string; readonly bytes: Uint8Array }
  | { readonly type: 'close'; readonly stream: number; readonly opener: string };

/** A message in a trace: what is in it is told apart by its length and a digest. */
export function describeWire(wire: Wire): string {
  const { bytes = new Uint8Array(0), ...rest } = wire as { bytes?: Uint8Array };
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  return `${JSON.stringify(rest)} ${bytes.length} ${digest}`;
}

export interface Identity {
  readonly name: string;
  readonly id: string;
  readonly secret: Uint8Array;
}

/** The same for the same name. */
export async function identityOf(name: string): Promise<Identity> {
  const secret = createHash('sha256').update(`identity of ${name}`).digest();
  return { name, id: await peerIdOf(secret), secret };
}

/** A packet on its way from this node to a neighbour, and what is to become of it. */
export type Tamper = (to: string, packet: PacketFrame) => readonly (readonly [string, PacketFrame])[];

/** What came of a request. */
export interface Outcome {
  value?: Uint8Array;
  error?: PeerdError;
  path?: readonly PeerRef[];
}

/** What came of a trace, or of a ping. */
export interface Settled<T> {
  result?: T;
  error?: PeerdError;
}

/** What is asked about a peer. */
interface About<T> {
  readonly ref: number;
  readonly target: Target;
  readonly responder: Responder<T>;
}

interface Stream {
  readonly peer: string;
  readonly stream: number;
  readonly opener: string;
  readonly decoder: FrameDecoder;
}

/** A whole node without sockets, as an actor of a simulated network: links of that are its connections. */
export class CoreActor implements Actor<Wire> {
  readonly core: NodeCore;
  /** Answers every request; by default with what was asked. */
  onRequest: (payload: Uint8Array, peer: string) => Uint8Array = (payload) => payload;
  /** What this node does to packets that it sends or forwards, as one that is not honest. */
  tamper: Tamper = (to, packet) => [[to, packet]];
  /** Sees all that its state puts out. */
  onOutput: (output: Output) => void = () => {};
  /** What peers have asked, and from whom it came. */
  readonly asked: { readonly peer: string; readonly payload: string }[] = [];
  readonly #world: World<Wire>;
  /** By peer, the connection to it. */
  readonly #connections = new Map<string, string>();
  /** By the number that the core knows it by. */
  readonly #streams = new Map<number, Stream>();
  readonly #pending: Input[] = [];
  readonly #effects: Partial<Drivers>;
  #lastConnection = 0;
  #lastInbound = 0;
  #lastRef = 0;

  constructor(world: World<Wire>, { name, secret }: Identity, config: Partial<CoreConfig> = {}) {
    this.#world = world;
    const { id } = world;
    this.#effects = {
      settle: ({ responder, value }) => responder.resolve(value),
      fail: ({ responder, error }) => responder.reject(error),
      'hello/open': ({ connection }) => this.#post({ type: 'hello/opened', connection }),
      'hello/send': ({ connection, message }) =>
        world.send(this.#peerOf(connection), { type: 'hello', bytes: encodeHello(message) }),
      'request/open-link': ({ link, connection }) => {
        const peer = this.#peerOf(connection);
        this.#streams.set(link, { peer, stream: link, opener: id, decoder: new FrameDecoder() });
        world.send(peer, { type: 'open', stream: link });
        this.#post({ type: 'request/link-opened', link });
      },
      'request/write': ({ link, frames }) => this.#write(link, frames),
      'request/close-link': ({ link }) => {
        const stream = this.#streams.get(link);
        if (stream === undefined) return;
        this.#streams.delete(link);
        world.send(stream.peer, { type: 'close', stream: stream.stream, opener: stream.opener });
        this.#post({ type: 'request/link-closed', link });
      },
      'peer/dial': ({ key, peer }) => {
        this.#post({ type: 'dial/failed', key, peer, message: 'nothing can be dialled in a simulation' });
      },
      'ping/send': ({ ping }) => this.#post({ type: 'ping/done', ping, rttMs: 1 }),
      'service/run': ({ request: { key, payload, peer } }) => {
        this.asked.push({ peer, payload: Buffer.from(payload).toString() });
        this.#post({ type: 'request/answer', key, payload: this.onRequest(payload, peer), end: true });
      },
      'connection/close': ({ reason }) => {
        throw new Error(`${name} closes a connection, which is not simulated: ${reason}`);
      },
      'connection/abort': ({ reason }) => {
        throw new Error(`${name} aborts a connection, which is not simulated: ${reason}`);
      },
    };
    this.core = new NodeCore(configOf(world, { name, id, secret }, config), world.nowMs, (output) =>
      this.#carryOut(output),
    );
    this.#turn({ type: 'loop/date', offsetMs: DATE_MS }, { type: 'service/event-handler' });
  }

  get nextTickMs(): number {
    return this.core.nextTickMs;
  }

  /** How often what was refused or dropped, by its name in `top`. */
  get refused(): Record<string, number> {
    const top = this.top();
    const counts: [string, number][] = [
      ...top.counters.map(({ name, count }: CounterInfo): [string, number] => [name, count]),
      ...top.queues.map(({ name, refused }: QueueInfo): [string, number] => [name, refused]),
    ];
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  top(): CoreTop {
    const responder = new Responder<CoreTop>();
    let top: CoreTop | undefined;
    responder.resolve = (value) => {
      top = value;
    };
    this.#turn({ type: 'top', responder });
    return top as CoreTop;
  }

  /** Its outcome fills as the simulation goes on. */
  request(peer: string, payload: string, timeoutMs = 30_000, idempotent = false): Outcome {
    const outcome: Outcome = {};
    this.#lastRef += 1;
    this.#turn({
      type: 'request',
      ref: this.#lastRef,
      target: { kind: 'id', key: peer, peer },
      service: '',
      payload: Buffer.from(payload),
      timeoutMs,
      idempotent,
      answer: {
        resolve: (value) => {
          outcome.value = value;
        },
        reject: (error) => {
          outcome.error = error as PeerdError;
        },
      },
      path: collector((path: readonly PeerRef[]) => {
        outcome.path = path;
      }),
    });
    return outcome;
  }

  /** Its outcome fills as the simulation goes on. */
  trace(peer: string, timeoutMs = 10_000): Settled<TraceResult> {
    return this.#ask<TraceResult>((about) => ({ type: 'trace', timeoutMs, ...about }), peer);
  }

  /** As `trace`. */
  ping(peer: string, timeoutMs = 10_000): Settled<PingResult> {
    return this.#ask<PingResult>((about) => ({ type: 'ping', timeoutMs, ...about }), peer);
  }

  /** Puts something into its loop, as a driver would. */
  take(...inputs: Input[]): void {
    this.#turn(...inputs);
  }

  /** Hands a packet to a neighbour, past its own state. */
  hand(to: string, packet: PacketFrame): void {
    const stream = this.#streamTo(to);
    if (stream === undefined) throw new Error(`there is no stream to ${to}`);
    this.#send(stream, [packet]);
  }

  linked(peer: string): void {
    this.#lastConnection += 1;
    const connection = `c${this.#lastConnection}`;
    this.#connections.set(peer, connection);
    const nonce = Uint8Array.from({ length: 32 }, () => Math.floor(this.#world.random() * 256));
    const direction = this.#world.id < peer ? 'outbound' : 'inbound';
    const address = `/memory/${peer}`;
    this.#turn({ type: 'connection/opened', connection, peer, address, direction, nonce });
  }

  unlinked(peer: string): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    this.#connections.delete(peer);
    const closed: Input[] = [];
    for (const [link, stream] of this.#streams)
      if (stream.peer === peer) {
        this.#streams.delete(link);
        closed.push({ type: 'request/link-closed', link });
      }
    this.#turn(...closed, { type: 'connection/closed', connection, peer });
  }

  receive(from: string, wire: Wire): void {
    const connection = this.#connections.get(from);
    if (connection === undefined) return;
    switch (wire.type) {
      case 'hello':
        return this.#turn({ type: 'hello/message', connection, message: decodeHello(wire.bytes) });
      case 'open': {
        this.#lastInbound -= 1;
        const link = this.#lastInbound;
        const { stream } = wire;
        this.#streams.set(link, { peer: from, stream, opener: from, decoder: new FrameDecoder() });
        return this.#turn({ type: 'request/link-inbound', link, peer: from, connection });
      }
      case 'bytes': {
        const link = this.#linkOf(from, wire);
        const frames: Frame[] = [];
        if (link === undefined) return;
        this.#streams.get(link)?.decoder.push(wire.bytes, frames);
        const bytes = wire.bytes.length;
        return this.#turn({ type: 'request/frames', link, frames, bytes, pinnedBytes: bytes });
      }
      case 'close': {
        const link = this.#linkOf(from, wire);
        if (link === undefined) return;
        this.#streams.delete(link);
        return this.#turn({ type: 'request/link-closed', link });
      }
    }
  }

  tick(): void {
    this.#turn({ type: 'tick' });
  }

  #linkOf(peer: string, { stream, opener }: { stream: number; opener: string }): number | undefined {
    for (const [link, known] of this.#streams)
      if (known.peer === peer && known.stream === stream && known.opener === opener) return link;
    return undefined;
  }

  #peerOf(connection: string): string {
    for (const [peer, known] of this.#connections) if (known === connection) return peer;
    throw new Error(`there is no connection ${connection}`);
  }

  /** To the link that it is for, unless this node does something else with its packets. */
  #write(link: number, frames: readonly Frame[]): void {
    const stream = this.#streams.get(link);
    if (stream === undefined) return;
    const { peer } = stream;
    const out = new Map<Stream, Frame[]>([[stream, []]]);
    for (const frame of frames) {
      if (frame.type !== FrameType.packet) out.get(stream)?.push(frame);
      else
        for (const [to, packet] of this.tamper(peer, frame)) {
          const other = to === peer ? stream : this.#streamTo(to);
          if (other !== undefined) out.set(other, [...(out.get(other) ?? []), packet]);
        }
    }
    for (const [to, written] of out) if (written.length > 0) this.#send(to, written);
  }

  #send({ peer, stream, opener }: Stream, frames: readonly Frame[]): void {
    this.#world.send(peer, { type: 'bytes', stream, opener, bytes: Buffer.concat(encodeFrames(frames)) });
  }

  #streamTo(peer: string): Stream | undefined {
    for (const stream of this.#streams.values())
      if (stream.peer === peer && stream.opener === this.#world.id) return stream;
    return undefined;
  }

  #post(input: Input): void {
    this.#pending.push(input);
  }

  #ask<T>(command: (about: About<T>) => Input, peer: string): Settled<T> {
    const outcome: Settled<T> = {};
    const responder = new Responder<T>();
    responder.resolve = (result) => {
      outcome.result = result;
    };
    responder.reject = (error) => {
      outcome.error = error as PeerdError;
    };
    this.#lastRef += 1;
    this.#turn(command({ ref: this.#lastRef, target: { kind: 'id', key: peer, peer }, responder }));
    return outcome;
  }

  /** Of the loop: what comes of it at once is a turn of its own, at the same time. */
  #turn(...inputs: Input[]): void {
    this.core.nowMs = this.#world.nowMs;
    this.#pending.push(...inputs);
    let hasMore = true;
    while (this.#pending.length > 0 || hasMore) {
      for (const input of this.#pending.splice(0)) this.core.step(input);
      hasMore = this.core.flush();
    }
  }

  #carryOut(output: Output): void {
    this.onOutput(output);
    (this.#effects as Record<string, ((effect: never) => void) | undefined>)[output.type]?.(output as never);
  }
}

/** Keeps a value, and does not mind an error: whoever waits for both has another one. */
function collector<T>(keep: (value: T) => void): Settler<T> {
  return { resolve: keep, reject: () => {} };
}

/** As `createPeer` makes it, for a node of the open network `test`. */
function configOf(
  world: World<Wire>,
  { name, id, secret }: Identity,
  config: Partial<CoreConfig>,
): CoreConfig {
  const policy = config.policy ?? openPolicy;
  const keys = encryptionKeyOf(secret);
  const { publicKey: encryptionKey } = keys;
  // A run begins with a number that is above all of earlier ones.
  const firstSequence = DATE_MS + Math.round(world.nowMs);
  const routing = { ...routingSelf({ name, policy }, id, secret, encryptionKey), firstSequence };
  const entropy = Uint8Array.from({ length: 32 }, () => Math.floor(world.random() * 256));
  const defaults = coreConfig();
  const self = {
    id,
    name,
    features: ['/peerd/request/1'],
    encryptionKey,
    encryptionKeySignature: sign(null, encryptionKeyStatement(encryptionKey), signingKeyOf(secret)),
    publicKeyOf: keyOfPeer,
  };
  return {
    ...defaults,
    self,
    policy,
    discovery: { ...defaults.discovery, isOn: false },
    routing,
    sessions: sessionsSelf(self, policy, keys, firstSequence),
    sealing: sealingSelf(policy, id, secret, keys, firstSequence),
    entropy,
    ...config,
  };
}
