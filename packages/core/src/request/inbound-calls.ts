import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import { Table } from '../channel/table.ts';
import { internalServices, isInternal, maxBytesOf } from '../internal-services.ts';
import type { Handlers } from '../server/feature.ts';
import { Call } from './call.ts';
import type { OpenFrame, ResetCode } from './frames.ts';
import type { Link, Progress } from './link.ts';
import type { Accepted, FallbackEvent, HandlerEvent } from './messages.ts';
import { SessionLink } from './session-link.ts';
import type { Shared } from './side.ts';

/** The caller gives up first; ours only frees what is left when it has vanished without a word. */
const TIMEOUT_GRACE_MS = 1_000;

/** A day: a caller that waits longer has to be told in some other way. */
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1_000;

/** A peer that may ask us. Kept while it is connected, so that counting costs no entry in a map. */
interface Caller {
  readonly peer: string;
  name: string | undefined;
  isHere: boolean;
  /** Calls over all its streams, and over the fallback. */
  inFlight: number;
  /** What they count for in the bytes in flight, both ways. */
  heldBytes: number;
}

class InboundCall extends Call {
  readonly key: number;
  readonly caller: Caller;
  readonly service: string;
  /** Whether a handler has been asked. */
  isDispatched = false;
  deadline: Deadline<InboundCall> | undefined;

  constructor(key: number, caller: Caller, link: Link, frame: OpenFrame) {
    super();
    this.key = key;
    this.caller = caller;
    this.service = frame.service;
    this.link = link;
    this.id = frame.call;
    this.opened = true;
    this.timeoutMs = Math.min(frame.timeoutMs, MAX_TIMEOUT_MS);
  }
}

type Inputs = HandlerEvent | Extract<FallbackEvent, { type: 'fallback/inbound' | 'fallback/closed' }>;

/** The calls of peers to us: taken in, handed to a handler, answered. */
export class InboundCalls {
  readonly handlers: Handlers<Inputs>;
  readonly progress: Progress;
  readonly quota: Quota;
  /** How much of the bytes in flight one peer has. */
  readonly share: Quota;
  readonly #shared: Shared;
  /** Calls on links, and the peer of each call over the fallback, by the key they are dispatched with. */
  readonly #calls = new Table<InboundCall>();
  readonly #fallback = new Map<number, { readonly caller: Caller; readonly bytes: number }>();
  readonly #callers = new Map<string, Caller>();
  readonly #deadlines = new Deadlines<InboundCall>();
  #lastKey = 0;
  #isClosing = false;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.quota = new Quota(
      'inbound calls of the busiest peer',
      'items',
      () => shared.limits.maxInboundCallsPerPeer,
      () => Math.max(0, ...[...this.#callers.values()].map(({ inFlight }) => inFlight)),
    );
    this.share = new Quota(
      'bytes in flight of the busiest peer',
      'bytes',
      // As much as is left beside it then: half of what the others leave.
      () => Math.floor((shared.limits.maxBytesInFlight - shared.held.bytes + this.#heldByBusiest) / 2),
      () => this.#heldByBusiest,
    );
    this.progress = {
      sent: (call, { bytes, accepted }) => {
        this.#release(call as InboundCall, bytes?.length ?? 0);
        this.#accept(accepted);
      },
      finished: (call) => this.#forget(call as InboundCall),
    };
    this.handlers = {
      'request/answer': (event) => {
        const call = this.#calls.get(event.key);
        const maxBytes = maxBytesOf(call?.service ?? '', shared.limits);
        const isTooLarge = event.payload.length > maxBytes;
        // tinyp2p has no words for it: the caller is refused.
        if (this.#answerFallback(event.key, isTooLarge ? undefined : event.payload)) {
          this.#accept(event.accepted);
          if (!event.end) this.#abort(event.key, 'tinyp2p takes one answer');
          return;
        }
        if (call?.link === undefined) {
          this.#accept(event.accepted);
          return;
        }
        if (isTooLarge) {
          const size = `${event.payload.length} bytes, over the limit of ${maxBytes}`;
          this.#reset(call, 'too-large', `the answer is ${size}`);
          this.#accept(event.accepted);
          return;
        }
        call.heldBytes += event.payload.length;
        call.caller.heldBytes += event.payload.length;
        shared.held.bytes += event.payload.length;
        if (shared.held.bytes > shared.limits.maxBytesInFlight) {
          shared.bytes.refuse(shared.context);
          const full = `${shared.limits.maxBytesInFlight} bytes are in flight`;
          this.#reset(call, 'busy', `${full}: the request was handled, and its answer has no room`);
          this.#accept(event.accepted);
          return;
        }
        call.link.send(call, { bytes: event.payload, end: event.end, accepted: event.accepted });
        shared.touch(call.link);
      },
      'request/answer-end': (event) => {
        if (this.#answerFallback(event.key, undefined)) return;
        const call = this.#calls.get(event.key);
        if (call?.link === undefined) return;
        call.link.send(call, { bytes: undefined, end: true, accepted: undefined });
        shared.touch(call.link);
      },
      'request/refuse': (event) => {
        if (this.#answerFallback(event.key, undefined)) return;
        const call = this.#calls.get(event.key);
        if (call !== undefined) this.#reset(call, event.code, event.reason);
      },
      'fallback/inbound': (event) => {
        const caller = this.#callerOf(event.peer);
        const bytes = event.payload.length;
        const hasRoom = shared.held.bytes === 0 || this.#full(caller, bytes, bytes) === undefined;
        if (this.#isClosing || !hasRoom || this.#hasMost(caller)) {
          shared.context.emit({ type: 'fallback/reply', key: event.key, payload: undefined });
          return;
        }
        this.#fallback.set(event.key, { caller, bytes });
        caller.inFlight += 1;
        caller.heldBytes += bytes;
        shared.held.bytes += bytes;
        this.#dispatch(event.key, event.peer, caller.name, '', event.payload);
      },
      'fallback/closed': (event) => {
        if (!this.#takeFallback(event.key)) return;
        shared.context.emit({ type: 'request/abort', key: event.key, reason: 'the caller is gone' });
      },
    };
  }

  /** The peer is here, and calls itself so. */
  greeted(peer: string, name: string | undefined): void {
    const caller = this.#callerOf(peer);
    caller.name = name;
    caller.isHere = true;
  }

  left(peer: string): void {
    const caller = this.#callers.get(peer);
    if (caller === undefined) return;
    caller.isHere = false;
    if (caller.inFlight === 0) this.#callers.delete(peer);
  }

  /** No more calls are taken: the node is stopping. */
  close(): void {
    this.#isClosing = true;
  }

  /** Calls being answered. */
  get size(): number {
    return this.#calls.size + this.#fallback.size;
  }

  get nextTickMs(): number {
    return this.#deadlines.nextMs;
  }

  /** Takes a call in, or answers why not. */
  open(link: Link, frame: OpenFrame): Call | undefined {
    const { limits } = this.#shared;
    if (this.#isClosing) {
      link.refuse(frame.call, 'stopped', 'the node is stopping: nothing was done');
      return undefined;
    }
    const caller = this.#callerOf(link.peer);
    if (this.#hasMost(caller)) {
      link.refuse(frame.call, 'busy', `${limits.maxInboundCallsPerPeer} calls of this peer are in flight`);
      return undefined;
    }
    const maxBytes = maxBytesOf(frame.service, limits);
    if (frame.totalBytes > maxBytes) {
      const size = `${frame.totalBytes} bytes, over the limit of ${maxBytes}`;
      link.refuse(frame.call, 'too-large', `the request is ${size}`);
      return undefined;
    }
    this.#lastKey += 1;
    const call = new InboundCall(this.#lastKey, caller, link, frame);
    link.calls.set(call.id, call);
    this.#calls.set(call.key, call);
    caller.inFlight += 1;
    if (call.timeoutMs > 0) {
      const atMs = this.#shared.context.nowMs + call.timeoutMs + TIMEOUT_GRACE_MS;
      call.deadline = this.#deadlines.add(call, atMs);
    }
    return call;
  }

  /** `held`: what the chunk has added to what the call counts for. */
  admitChunk(_link: Link, call: Call, held: number): boolean {
    const maxBytes = maxBytesOf(call.service, this.#shared.limits);
    const inbound = call as InboundCall;
    inbound.caller.heldBytes += held;
    if (call.chunkBytes > maxBytes) {
      this.#reset(inbound, 'too-large', `the request is over the limit of ${maxBytes} bytes`);
      return false;
    }
    const full = this.#full(inbound.caller, inbound.heldBytes);
    if (full === undefined) return true;
    this.#reset(inbound, 'busy', full);
    return false;
  }

  message(link: Link, call: Call, _isLast: boolean): void {
    const inbound = call as InboundCall;
    if (inbound.isDispatched) {
      this.#reset(inbound, 'invalid', 'a request is one message');
      return;
    }
    inbound.isDispatched = true;
    const name = link instanceof SessionLink ? link.name : this.#callers.get(link.peer)?.name;
    this.#dispatch(inbound.key, link.peer, name, inbound.service, inbound.takeMessage());
  }

  /** The caller half-closed after its last message. */
  ended(_link: Link, call: Call): void {
    const inbound = call as InboundCall;
    if (!inbound.isDispatched) this.#reset(inbound, 'invalid', 'the request ended before its message');
  }

  cancelled(call: Call): void {
    this.#leave(call as InboundCall, 'the caller cancelled');
  }

  linkClosed(link: Link): void {
    for (const call of link.calls.values()) this.#leave(call as InboundCall, 'the caller is gone');
  }

  expire(): void {
    this.#deadlines.expire(this.#shared.context.nowMs, (call) => {
      this.#reset(call, 'timeout', `not answered within ${call.timeoutMs} ms`);
    });
  }

  stop(): void {
    for (const call of this.#calls.values())
      this.#reset(
        call,
        'stopped',
        call.isDispatched
          ? 'the node was stopped with the call in flight: whether it was handled is unknown'
          : 'the node was stopped before the whole request was there: nothing was done',
      );
    for (const key of this.#fallback.keys()) this.#abort(key, 'the server is stopping');
  }

  snapshot(): unknown {
    return {
      lastKey: this.#lastKey,
      calls: this.#calls.values().map((call) => [call.key, call.link?.id, call.id, call.isDispatched]),
      fallback: [...this.#fallback.keys()],
      callers: [...this.#callers.values()]
        .filter(({ inFlight, heldBytes }) => inFlight !== 0 || heldBytes !== 0)
        .map(({ peer, inFlight, heldBytes }) => [peer, inFlight, heldBytes]),
    };
  }

  #dispatch(
    key: number,
    peer: string,
    peerName: string | undefined,
    service: string,
    payload: Uint8Array,
  ): void {
    if (isInternal(service)) {
      if (internalServices.has(service))
        this.#shared.context.emit({ type: 'request/internal-inbound', key, peer, service, payload });
      else this.handlers['request/refuse']({ type: 'request/refuse', key, code: 'no-handler', reason: '' });
      return;
    }
    this.#shared.context.emit({ type: 'request/dispatch', key, peer, peerName, service, payload });
  }

  /** True when `key` is a call over the fallback, which has now been answered (`undefined`: refused). */
  #answerFallback(key: number, payload: Uint8Array | undefined): boolean {
    if (!this.#takeFallback(key)) return false;
    this.#shared.context.emit({ type: 'fallback/reply', key, payload });
    return true;
  }

  #reset(call: InboundCall, code: ResetCode, reason: string): void {
    const link = call.link as Link;
    link.reset(call, code, reason);
    this.#shared.touch(link);
    this.#leave(call, reason);
  }

  /** Frees a call that gets no answer from us any more, and tells its handler. */
  #leave(call: InboundCall, reason: string): void {
    call.link?.end(call);
    if (!this.#calls.has(call.key)) return;
    this.#forget(call);
    if (call.isDispatched) this.#abort(call.key, reason);
    for (let left = call.outgoing.shift(); left !== undefined; left = call.outgoing.shift())
      this.#accept(left.accepted);
  }

  #forget(call: InboundCall): void {
    if (!this.#calls.delete(call.key)) return;
    this.#done(call.caller);
    this.#deadlines.remove(call.deadline);
    this.#release(call, call.heldBytes);
  }

  #takeFallback(key: number): boolean {
    const call = this.#fallback.get(key);
    if (call === undefined) return false;
    this.#fallback.delete(key);
    this.#done(call.caller);
    call.caller.heldBytes -= call.bytes;
    this.#shared.held.bytes -= call.bytes;
    return true;
  }

  #done(caller: Caller): void {
    caller.inFlight -= 1;
    if (caller.inFlight === 0 && !caller.isHere) this.#callers.delete(caller.peer);
  }

  #callerOf(peer: string): Caller {
    let caller = this.#callers.get(peer);
    if (caller === undefined) {
      caller = { peer, name: undefined, isHere: false, inFlight: 0, heldBytes: 0 };
      this.#callers.set(peer, caller);
    }
    return caller;
  }

  get #heldByBusiest(): number {
    return Math.max(0, ...[...this.#callers.values()].map(({ heldBytes }) => heldBytes));
  }

  /** Whatever the number of its connections and streams, and whichever protocol its calls come by. */
  #hasMost(caller: Caller): boolean {
    if (caller.inFlight < this.#shared.limits.maxInboundCallsPerPeer) return false;
    this.quota.refuse(this.#shared.context);
    return true;
  }

  /**
   * Why there is no room for `added` bytes of a request that counts for `ofCall` with them, if there is none. A peer may
   * ask for more as long as as much as it has is free beside it, so up to half of all when it is the only one: however
   * much some ask for, another finds room. One request of each is let in as long as there is any. Answers are not held to
   * it: what was handled is worth more than what is asked for next.
   */
  #full(caller: Caller, ofCall: number, added = 0): string | undefined {
    const { held, limits, bytes, context } = this.#shared;
    const all = held.bytes + added;
    const ofPeer = caller.heldBytes + added;
    if (all > limits.maxBytesInFlight) {
      bytes.refuse(context);
      return `${limits.maxBytesInFlight} bytes are in flight`;
    }
    if (ofPeer <= ofCall || ofPeer <= limits.maxBytesInFlight - all) return undefined;
    this.share.refuse(context);
    return `${ofPeer} bytes of the caller are in flight, more than are free for others`;
  }

  #release(call: InboundCall, bytes: number): void {
    call.heldBytes -= bytes;
    call.caller.heldBytes -= bytes;
    this.#shared.held.bytes -= bytes;
  }

  #accept(accepted: Accepted | undefined): void {
    if (accepted !== undefined)
      this.#shared.context.emit({ type: 'settle', responder: accepted, value: undefined });
  }

  #abort(key: number, reason: string): void {
    this.#shared.context.emit({ type: 'request/abort', key, reason });
  }
}
