import { createHash } from 'node:crypto';
import { encodeHead, type HeadFields } from '../../src/forwarding/codec.ts';
import type { ForwardingInput, ForwardingOutput, PacketSend } from '../../src/forwarding/messages.ts';
import { ForwardingState } from '../../src/forwarding/state.ts';
import { keyOfPeer, peerOfKey } from '../../src/peer-keys.ts';
import { FrameType, type PacketFrame } from '../../src/request/frames.ts';
import type { Advert, Way, Ways } from '../../src/routing/messages.ts';
import { FakeContext } from './context.ts';

/** The peer that is called so in a test. */
export function peerNamed(name: string): string {
  return peerOfKey(createHash('sha256').update(name).digest());
}

export function keyNamed(name: string): Uint8Array {
  return keyOfPeer(peerNamed(name)) as Uint8Array;
}

/** What routing would say: as a test wants it. */
export class FakeWays implements Ways {
  strategy: 'table' | 'source' = 'table';
  readonly nexts = new Map<string, string>();
  /** By destination, those of all attempts. */
  readonly ways = new Map<string, Way[]>();
  /** Peers whose advert is known, and the names in these. */
  readonly known = new Map<string, string>();
  readonly distances = new Map<string, number>();

  next(destination: string): string | undefined {
    return this.nexts.get(destination);
  }

  distance(destination: string): number | undefined {
    return this.distances.get(destination);
  }

  way(destination: string, attempt: number): Way | undefined {
    const ways = this.ways.get(destination);
    if (ways !== undefined) return ways[attempt % ways.length];
    const next = this.nexts.get(destination);
    return next === undefined ? undefined : { next, via: [] };
  }

  advertOf(peer: string): Advert | undefined {
    const name = this.known.get(peer);
    if (name === undefined) return undefined;
    return {
      origin: peer,
      sequence: 1,
      name,
      encryptionKey: new Uint8Array(32),
      signature: new Uint8Array(64),
    };
  }
}

export interface Sent {
  readonly peer: string;
  readonly head: Uint8Array;
  readonly body: readonly Uint8Array[];
}

/** A forwarder by itself: what it is told, and what comes out. */
export class Forwarder {
  readonly id: string;
  readonly context: FakeContext<ForwardingOutput>;
  readonly ways = new FakeWays();
  readonly state: ForwardingState;

  constructor(
    name = 'self',
    settings: Partial<{ forward: 'network' | 'all' | 'nobody'; randomFallback: boolean }> = {},
    seed = 1,
  ) {
    this.id = peerNamed(name);
    this.context = new FakeContext(seed);
    this.state = new ForwardingState(
      this.context,
      this.id,
      { forward: 'network', randomFallback: false, ...settings },
      this.ways,
    );
  }

  put(input: ForwardingInput): void {
    const handlers = this.state.handlers as unknown as Record<string, (input: ForwardingInput) => void>;
    handlers[input.type]?.(input);
  }

  neighbour(
    name: string,
    roles: readonly string[] = ['peer', 'forwarder'],
    kind: 'peerd' | 'other' = 'peerd',
  ): string {
    const peer = peerNamed(name);
    this.put({ type: 'peer/came', peer, kind, name, roles });
    return peer;
  }

  send(to: string, options: Partial<PacketSend> = {}): void {
    const body = [Uint8Array.of(1, 2, 3)];
    this.put({
      type: 'packet/send',
      to: peerNamed(to),
      kind: 'data',
      body,
      attempt: 0,
      record: false,
      ...options,
    });
  }

  /** A neighbour hands over a packet. Returns what it is passed on as, if it is. */
  take(
    neighbour: string,
    fields: Partial<HeadFields> & { from: string; to: string; body?: Uint8Array },
  ): Sent | undefined {
    this.put({ type: 'packet/arrived', neighbour: peerNamed(neighbour), frame: frameOf(fields) });
    return this.sent()[0];
  }

  sent(): Sent[] {
    return this.context.takeOf('link/packet');
  }

  count(name: string): number | undefined {
    return this.state.counters.find((counter) => counter.name === name)?.count;
  }

  /** All that was dropped, by its name. */
  get dropped(): Record<string, number> {
    const counters = this.state.counters.map(({ name, count }) => [name, count] as const);
    const quotas = this.state.quotas.map(({ name, refused }) => [name, refused] as const);
    return Object.fromEntries([...counters, ...quotas].filter(([, count]) => count > 0));
  }
}

export function frameOf({
  from,
  to,
  body = Uint8Array.of(9),
  ...fields
}: Partial<HeadFields> & { from: string; to: string; body?: Uint8Array }): PacketFrame {
  const ends = { source: keyNamed(from), destination: keyNamed(to) };
  const head = encodeHead({ hops: 10, kind: 'data', via: [], record: false, ...ends, ...fields });
  return { type: FrameType.packet, call: 0, head, body: [body] };
}
