import { createHash } from 'node:crypto';
import type { PeerdError, TraceResult } from '@peerd/protocol';
import { expect } from 'vitest';
import { Responder } from '../../src/channel/responder.ts';
import { Entropy } from '../../src/entropy.ts';
import type { PacketSend } from '../../src/forwarding/messages.ts';
import { decodeProbe, encodeReply, replyStatement } from '../../src/trace/codec.ts';
import type { TraceInput, TraceOutput } from '../../src/trace/messages.ts';
import { TraceState } from '../../src/trace/state.ts';
import { FakeContext } from './context.ts';
import { FakeWays } from './forwarding.ts';

/** As good as a signature: nobody in these tests makes one for somebody else, unless a test does so. */
export const sign = (peer: string, statement: Uint8Array) =>
  Buffer.concat(
    [1, 2].map((part) => createHash('sha256').update(`${part} ${peer} `).update(statement).digest()),
  );

export const probeOf = ({ body }: PacketSend) =>
  decodeProbe(body[0] as Uint8Array) as { nonce: Uint8Array; hops: number };

/** Traces of a node by itself: what it is told, and what comes out. */
export class Tracer {
  readonly context = new FakeContext<TraceOutput>();
  readonly ways = new FakeWays();
  readonly state: TraceState;
  readonly outcomes: (TraceResult | PeerdError)[] = [];
  readonly id: string;
  #lastRef = 0;

  constructor(id = 'self') {
    this.id = id;
    const isSigned = (peer: string, statement: Uint8Array, signature: Uint8Array) =>
      sign(peer, statement).equals(signature);
    const self = { id, sign: (statement: Uint8Array) => sign(id, statement), isSigned };
    this.state = new TraceState(this.context, self, this.ways, new Entropy(new Uint8Array(32)));
  }

  put(input: TraceInput): void {
    const handlers = this.state.handlers as unknown as Record<string, (input: TraceInput) => void>;
    handlers[input.type]?.(input);
    for (const { value } of this.context.takeOf('settle')) this.outcomes.push(value as TraceResult);
    for (const { error } of this.context.takeOf('fail')) this.outcomes.push(error);
  }

  /** Begins a trace to a peer that is known as it. Returns its probes. */
  trace(peer = 'dave', timeoutMs = 10_000): PacketSend[] {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    const target = { kind: 'word', key: peer } as const;
    const responder = new Responder<TraceResult>();
    this.put({ type: 'trace', ref, target, timeoutMs, responder });
    const [resolve] = this.context.takeOf('peer/resolve');
    if (resolve !== undefined) this.put({ type: 'peer/resolved', ref: resolve.ref, peer, name: undefined });
    return this.probes();
  }

  /** What it has sent since it was last looked at. */
  probes(): PacketSend[] {
    return this.context.takeOf('packet/send').filter(({ kind }) => kind === 'probe');
  }

  /** How many links these may take. */
  hops(probes: readonly PacketSend[] = this.probes()): (number | undefined)[] {
    return probes.map(({ hops }) => hops);
  }

  /** A peer replies to a probe. */
  reply(
    probe: PacketSend,
    peer: string,
    options: { from?: string; destination?: string; hops?: number } = {},
  ): void {
    const { nonce, hops } = probeOf(probe);
    const head = { source: this.id, destination: probe.to, hops, ...options };
    const signature = sign(peer, replyStatement(peer, nonce, head));
    const body = encodeReply({ nonce, signature });
    const from = options.from ?? peer;
    this.put({ type: 'packet/received', from, kind: 'probe-reply', body, path: undefined, neighbour: 'n' });
  }

  at(ms: number): void {
    this.context.nowMs = ms;
    if (this.state.nextTickMs <= ms) this.put({ type: 'tick' });
  }

  get outcome(): TraceResult | PeerdError | undefined {
    expect(this.outcomes.length).toBeLessThan(2);
    return this.outcomes[0];
  }

  get counts(): Record<string, number> {
    const counted = this.state.counters.filter(({ count }) => count > 0);
    return Object.fromEntries(counted.map(({ name, count }) => [name, count]));
  }

  /** What it keeps of traces. */
  get left(): unknown {
    const { traces, probes } = this.state.snapshot() as { traces: unknown[]; probes: number };
    return { traces: traces.length, probes };
  }
}
