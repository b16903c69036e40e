import { type ErrorCode, PeerdError, type PeerRef } from '@peerd/protocol';
import { expect } from 'vitest';
import { Responder } from '../../src/channel/responder.ts';
import type { Limits } from '../../src/config.ts';
import type { Target } from '../../src/peers/target.ts';
import { FrameDecoder } from '../../src/request/decoder.ts';
import { encodeFrames } from '../../src/request/encoder.ts';
import {
  CALL_WINDOW_BYTES,
  costOf,
  END_MESSAGE,
  type Frame,
  FrameType,
  MESSAGE_COST_BYTES,
  type PacketFrame,
  STREAM_WINDOW_BYTES,
} from '../../src/request/frames.ts';
import type { RequestCommand, RequestInput, RequestOutput } from '../../src/request/messages.ts';
import { RequestState } from '../../src/request/state.ts';
import { seededRandom } from '../../src/server/random.ts';
import { defaultLimits } from '../../src/settings.ts';
import { FakeContext } from './context.ts';

export type Outcome = { readonly value: Uint8Array | undefined } | { readonly error: PeerdError };
/** How many messages of the call had come by then, and whether the call was over. */
type PathOutcome = ({ readonly path: readonly PeerRef[] } | { readonly error: PeerdError }) & {
  readonly messages: number;
  readonly isLate: boolean;
};
export type Dispatch = Extract<RequestOutput, { type: 'request/dispatch' }>;

/** One direction of a stream: what was written and has not arrived, and what the sender may still send. */
class Lane {
  readonly to: SimNode;
  /** The number that the receiver knows the stream by. */
  readonly toLink: number;
  chunks: Uint8Array[] = [];
  bytes = 0;
  isBlocked = false;
  readonly decoder = new FrameDecoder();
  streamWindow = STREAM_WINDOW_BYTES;
  readonly callWindows = new Map<number, number>();

  constructor(to: SimNode, toLink: number) {
    this.to = to;
    this.toLink = toLink;
  }

  /** Counts what is written against the windows, by a book of our own. */
  audit(frame: Frame): void {
    expect(this.streamWindow, 'a frame beyond the window of the stream').toBeGreaterThan(
      frame.type === FrameType.credit ? -1e9 : 0,
    );
    this.streamWindow -= costOf(frame);
    if (frame.type !== FrameType.open && frame.type !== FrameType.data) return;
    const cost = frame.data.length + ((frame.flags & END_MESSAGE) === 0 ? 0 : MESSAGE_COST_BYTES);
    const left = (this.callWindows.get(frame.call) ?? CALL_WINDOW_BYTES) - cost;
    this.callWindows.set(frame.call, left);
    expect(left, 'a chunk beyond the window of the call').toBeGreaterThanOrEqual(-MESSAGE_COST_BYTES);
  }

  /** The sender has received credit. */
  credit({ call, bytes }: { call: number; bytes: number }): void {
    if (call === 0) this.streamWindow += bytes;
    else this.callWindows.set(call, (this.callWindows.get(call) ?? CALL_WINDOW_BYTES) + bytes);
  }
}

/** One side: its state, what is to be put into it in its next turn, and what has come out. */
export class SimNode {
  /** Whom it wanted to reach, in order. */
  readonly reached: Target[] = [];
  readonly name: string;
  readonly context: FakeContext<RequestOutput>;
  readonly state: RequestState;
  readonly inbox: RequestInput[] = [];
  readonly outcomes = new Map<number, Outcome[]>();
  readonly messages = new Map<number, Uint8Array[]>();
  readonly #paths = new Map<number, PathOutcome[]>();
  readonly aborted = new Map<number, string>();
  readonly dispatched: Dispatch[] = [];
  /** What was answered over the fallback; without a payload it is a refusal. */
  readonly fallbackReplies: { key: number; payload: Uint8Array | undefined }[] = [];
  /** Frames written, in order. */
  readonly written: { link: number; frame: Frame }[] = [];
  readonly closed: { link: number; reason: string }[] = [];
  /** Packets that the other side has handed over. */
  readonly packets: PacketFrame[] = [];
  /** What a request does here: nothing but be kept in `dispatched`, unless a test says. */
  onRequest: (dispatch: Dispatch) => void = () => {};
  readonly lanes = new Map<number, Lane>();
  readonly #refOf = new Map<unknown, number>();
  readonly #refOfPath = new Map<unknown, number>();
  #lastRef = 0;

  constructor(name: string, limits: Partial<Limits>) {
    this.name = name;
    this.context = new FakeContext();
    this.state = new RequestState(this.context, { ...defaultLimits, ...limits });
  }

  /** Asks the other side. Returns the call's reference. */
  ask(
    options: Partial<Pick<RequestCommand, 'service' | 'payload' | 'timeoutMs' | 'idempotent' | 'target'>> & {
      stream?: boolean;
      peer?: string;
    },
  ): number {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    const {
      stream = false,
      peer = 'peer',
      service = '',
      payload = new Uint8Array(0),
      timeoutMs = 30_000,
      idempotent = false,
      target = { kind: 'id', key: peer, peer },
    } = options;
    const command = {
      type: 'request',
      ref,
      target,
      service,
      payload,
      timeoutMs,
      idempotent,
      path: { resolve() {}, reject() {} },
    } as const;
    this.#refOfPath.set(command.path, ref);
    this.#paths.set(ref, []);
    this.inbox.push(
      stream ? { ...command, end: this.responder(ref) } : { ...command, answer: this.responder(ref) },
    );
    return ref;
  }

  /** A responder whose settling is an outcome of `ref`. */
  responder<T>(ref: number): Responder<T> {
    const responder = new Responder<T>();
    responder.promise.catch(() => {});
    this.#refOf.set(responder, ref);
    this.outcomes.set(ref, []);
    return responder;
  }

  settled(responder: unknown, outcome: Outcome): void {
    const ref = this.#refOf.get(responder);
    if (ref !== undefined) this.outcomes.get(ref)?.push(outcome);
    const pathRef = this.#refOfPath.get(responder);
    if (pathRef === undefined) return;
    const messages = this.messages.get(pathRef)?.length ?? 0;
    const when = { messages, isLate: this.isSettled(pathRef) };
    const path = 'error' in outcome ? outcome : { path: outcome.value as unknown as readonly PeerRef[] };
    this.#paths.get(pathRef)?.push({ ...path, ...when });
  }

  /** What became of the path of a call, which is settled once, and before the call's first message and its end. */
  path(ref: number): readonly PeerRef[] | PeerdError {
    const outcomes = this.#paths.get(ref);
    expect(outcomes, `the outcomes of the path of call ${ref} of ${this.name}`).toHaveLength(1);
    const outcome = outcomes?.[0] as PathOutcome;
    expect(outcome).toMatchObject({ messages: 0, isLate: false });
    return 'error' in outcome ? outcome.error : outcome.path;
  }

  /** The one outcome of a call. */
  outcome(ref: number): Outcome {
    expect(this.outcomes.get(ref), `the outcomes of call ${ref} of ${this.name}`).toHaveLength(1);
    return this.outcomes.get(ref)?.[0] as Outcome;
  }

  code(ref: number): string {
    const outcome = this.outcome(ref);
    return 'error' in outcome ? outcome.error.code : 'ok';
  }

  isSettled(ref: number): boolean {
    return this.outcomes.get(ref)?.length !== 0;
  }

  get snapshot(): {
    heldBytes: number;
    outbound: { calls: unknown[] };
    inbound: { calls: unknown[]; fallback: unknown[]; callers: unknown[] };
  } {
    return this.state.snapshot() as ReturnType<() => SimNode['snapshot']>;
  }
}

/** How many bytes a lane takes before it says that it is full. */
const LANE_BYTES = 300_000;

/** Two nodes and the streams between them; who comes next and how bytes are split is up to the seed. */
export class SimPair {
  readonly a: SimNode;
  readonly b: SimNode;
  nowMs = 0;
  readonly #random: () => number;
  #lastInbound = 0;
  /** Set to have nobody reached, with this code. */
  unreachable: ErrorCode | undefined;
  /** Set to leave `request/open-link` to the test. */
  refusesLinks = false;

  constructor(options: { seed?: number; a?: Partial<Limits>; b?: Partial<Limits> } = {}) {
    this.#random = seededRandom([options.seed ?? 1, 0, 0, 0]);
    this.a = new SimNode('a', options.a ?? {});
    this.b = new SimNode('b', options.b ?? {});
  }

  other(node: SimNode): SimNode {
    return node === this.a ? this.b : this.a;
  }

  /** One turn of a node's loop. */
  turn(node: SimNode): void {
    node.context.nowMs = this.nowMs;
    if (node.state.nextTickMs <= this.nowMs) this.step(node, { type: 'tick' });
    for (const input of node.inbox.splice(0)) this.step(node, input);
    const hasMore = node.state.flush();
    this.#carryOut(node);
    if (hasMore) this.#flushLater.add(node);
  }

  readonly #flushLater = new Set<SimNode>();

  step(node: SimNode, input: RequestInput): void {
    const handlers = node.state.handlers as unknown as Record<string, (input: RequestInput) => void>;
    handlers[input.type]?.(input);
    this.#carryOut(node);
  }

  /** Does one thing that can be done; false when there is none. */
  advance(): boolean {
    const moves: (() => void)[] = [];
    for (const node of [this.a, this.b]) {
      if (node.inbox.length > 0 || this.#flushLater.has(node))
        moves.push(() => {
          this.#flushLater.delete(node);
          this.turn(node);
        });
      for (const [link, lane] of node.lanes)
        if (lane.bytes > 0) moves.push(() => this.#deliver(node, link, lane));
    }
    const move = moves[Math.floor(this.#random() * moves.length)];
    move?.();
    return move !== undefined;
  }

  /** Until nothing is left to do, or `until` holds. */
  run(until: () => boolean = () => false): void {
    for (let steps = 0; !until() && this.advance(); steps += 1)
      if (steps > 200_000) throw new Error('the two never come to rest');
  }

  /** Lets time pass to where `nowMs` is, with a tick for whoever wants one. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const node of [this.a, this.b]) this.turn(node);
    this.run();
  }

  /** What the server does at its end. */
  stop(node: SimNode): void {
    node.state.stop();
    this.#carryOut(node);
  }

  /** Ends a stream for both sides, whatever was still on its way. */
  close(node: SimNode, link: number): void {
    const lane = node.lanes.get(link);
    if (lane === undefined) return;
    lane.to.lanes.delete(lane.toLink);
    node.lanes.delete(link);
    node.inbox.push({ type: 'request/link-closed', link });
    lane.to.inbox.push({ type: 'request/link-closed', link: lane.toLink });
  }

  #deliver(from: SimNode, link: number, lane: Lane): void {
    const first = lane.chunks[0] as Uint8Array;
    const size = this.#random() < 0.5 ? first.length : 1 + Math.floor(this.#random() * first.length);
    if (size === first.length) lane.chunks.shift();
    else lane.chunks[0] = first.subarray(size);
    lane.bytes -= size;
    const frames: Frame[] = [];
    lane.decoder.push(first.subarray(0, size), frames);
    const back = lane.to.lanes.get(lane.toLink);
    for (const frame of frames) if (frame.type === FrameType.credit) back?.credit(frame);
    if (frames.length > 0)
      lane.to.inbox.push({ type: 'request/frames', link: lane.toLink, frames, bytes: size });
    if (lane.isBlocked && lane.bytes === 0) {
      lane.isBlocked = false;
      from.inbox.push({ type: 'request/drained', link });
    }
  }

  #carryOut(node: SimNode): void {
    for (const output of node.context.take()) this.#effect(node, output);
  }

  #effect(node: SimNode, output: RequestOutput): void {
    switch (output.type) {
      case 'settle':
        return node.settled(output.responder, {
          value: output.value as Uint8Array | undefined,
        });
      case 'fail':
        return node.settled(output.responder, { error: output.error });
      case 'peer/reach':
        node.reached.push(output.target);
        if (this.unreachable !== undefined) {
          const error = new PeerdError(this.unreachable, 'nobody there');
          node.inbox.push({ type: 'peer/unreached', ref: output.ref, error });
          return;
        }
        node.inbox.push({
          type: 'peer/reached',
          ref: output.ref,
          peer: 'peer',
          connection: 'c',
          kind: 'peerd',
        });
        return;
      case 'request/open-link':
        if (!this.refusesLinks) this.#open(node, output.link);
        return;
      case 'request/close-link':
        node.closed.push({ link: output.link, reason: output.reason });
        return this.close(node, output.link);
      case 'request/write':
        return this.#write(node, output.link, output.frames);
      case 'request/dispatch':
        node.dispatched.push(output);
        return node.onRequest(output);
      case 'request/abort':
        node.aborted.set(output.key, output.reason);
        return;
      case 'request/message': {
        const messages = node.messages.get(output.ref) ?? [];
        node.messages.set(output.ref, messages);
        messages.push(output.payload);
        return;
      }
      case 'packet/arrived':
        node.packets.push(output.frame);
        return;
      // What goes to other features, and to peers that speak only tinyp2p.
      case 'session/open':
      case 'session/write':
      case 'session/close':
      case 'peer/leave':
      case 'node/overload':
      case 'request/internal-settled':
      case 'request/internal-inbound':
      case 'fallback/send':
      case 'fallback/cancel':
        return;
      case 'fallback/reply':
        node.fallbackReplies.push({ key: output.key, payload: output.payload });
        return;
    }
  }

  #open(node: SimNode, link: number): void {
    const other = this.other(node);
    this.#lastInbound -= 1;
    node.lanes.set(link, new Lane(other, this.#lastInbound));
    other.lanes.set(this.#lastInbound, new Lane(node, link));
    other.inbox.push({
      type: 'request/link-inbound',
      link: this.#lastInbound,
      peer: node.name,
      connection: 'c',
    });
    node.inbox.push({ type: 'request/link-opened', link });
  }

  #write(node: SimNode, link: number, frames: readonly Frame[]): void {
    const lane = node.lanes.get(link);
    for (const frame of frames) {
      node.written.push({ link, frame });
      lane?.audit(frame);
    }
    if (lane === undefined) return;
    const bytes = Buffer.concat(encodeFrames(frames));
    lane.chunks.push(bytes);
    lane.bytes += bytes.length;
    if (lane.bytes < LANE_BYTES || lane.isBlocked) return;
    lane.isBlocked = true;
    node.inbox.push({ type: 'request/blocked', link });
  }
}
