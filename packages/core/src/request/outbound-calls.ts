import { type ErrorCode, PeerdError, printable } from '@peerd/protocol';
import { Deadlines } from '../channel/deadlines.ts';
import { Quota } from '../channel/quota.ts';
import { Table } from '../channel/table.ts';
import { maxBytesOf } from '../internal-services.ts';
import type { PeerReached, PeerRouted } from '../peers/messages.ts';
import type { Target } from '../peers/target.ts';
import type { Handlers } from '../server/feature.ts';
import type { ClientClosed } from '../server/inputs.ts';
import { unreachedError } from '../unreached.ts';
import type { Call } from './call.ts';
import { CallerLinks } from './caller-links.ts';
import { errorCodeOf, MESSAGE_COST_BYTES } from './frames.ts';
import type { Link, Progress } from './link.ts';
import type {
  CallerEvent,
  FallbackEvent,
  InternalRequest,
  RequestCancel,
  RequestCommand,
} from './messages.ts';
import { MAX_ATTEMPTS, OutboundCall } from './outbound-call.ts';
import { lastError, Retries } from './retries.ts';
import { SessionLink } from './session-link.ts';
import type { Shared } from './side.ts';

type Inputs =
  | RequestCommand
  | RequestCancel
  | ClientClosed
  | CallerEvent
  | InternalRequest
  | PeerReached
  | PeerRouted
  | Extract<FallbackEvent, { type: 'fallback/answered' | 'fallback/failed' }>;

const none = new Uint8Array(0);

/** Some forwarder has not had its way recorded, as it was asked to. */
const PATH_UNKNOWN = new PeerdError('internal', 'the peers that the call passed were not told');

/** Our calls to peers: the peer found, the stream opened, the answer handed over. */
export class OutboundCalls {
  readonly handlers: Handlers<Inputs>;
  readonly progress: Progress = {
    sent: (call) => this.#sent(call as OutboundCall),
    finished: () => {},
  };
  readonly quota: Quota;
  readonly #shared: Shared & { readonly links: Map<number, Link> };
  readonly #calls = new Table<OutboundCall>();
  /** Those of our own features among them. */
  #internal = 0;
  readonly #deadlines = new Deadlines<OutboundCall>();
  readonly #retries = new Retries();
  readonly links: CallerLinks;

  constructor(shared: Shared & { readonly links: Map<number, Link> }) {
    this.#shared = shared;
    this.links = new CallerLinks(shared);
    this.quota = new Quota(
      'outbound calls',
      'items',
      () => shared.limits.maxOutboundCalls,
      () => this.size,
    );
    this.handlers = {
      request: (command) => this.#take(new OutboundCall(command)),
      'request/internal': ({ ref, peer, service, payload, timeoutMs }) => {
        const target: Target = { kind: 'id', key: peer, peer };
        this.#take(new OutboundCall({ ref, target, service, payload, timeoutMs }));
      },
      'request/cancel': ({ ref }) => {
        const call = this.#calls.get(ref);
        if (call !== undefined) this.#abandon(call, new PeerdError('stopped', 'the call was cancelled'));
      },
      'client/closed': () => {
        for (const call of this.#calls.values())
          if (call.answer !== undefined || call.end !== undefined)
            this.#abandon(call, new PeerdError('stopped', 'the client was closed'));
      },
      'request/consumed': ({ ref, bytes }) => {
        const call = this.#calls.get(ref);
        if (call?.link === undefined) return;
        // What was counted for it, which is more than its bytes.
        this.#release(call, call.untakenBytes?.shift() ?? 0);
        call.untakenMessages -= 1;
        call.link.grant(call, bytes + MESSAGE_COST_BYTES);
        this.#shared.touch(call.link);
      },
      'peer/reached': ({ ref, peer, connection, kind, name }) => {
        const call = this.#calls.get(ref);
        if (call === undefined || call.phase !== 'finding') return;
        if (kind === 'peerd') this.#attach(call, this.links.to(peer, connection, name));
        else this.#fallBack(call, peer, connection);
      },
      'peer/routed': ({ ref, peer, error }) => {
        const call = this.#calls.get(ref);
        if (call?.phase === 'finding') this.#attach(call, this.links.over(peer, error));
      },
      'peer/unreached': ({ ref, error }) => {
        const call = this.#calls.get(ref);
        if (call?.phase === 'finding') this.#fail(call, error);
      },
      'fallback/answered': ({ ref, payload }) => {
        const call = this.#calls.get(ref);
        if (call !== undefined) this.#finish(call, payload);
      },
      'fallback/failed': ({ ref, code, message }) => {
        const call = this.#calls.get(ref);
        if (call !== undefined) this.#fail(call, new PeerdError(code, message));
      },
    };
  }

  get nextTickMs(): number {
    return Math.min(this.#deadlines.nextMs, this.#retries.nextTickMs);
  }

  get size(): number {
    return this.#calls.size - this.#internal;
  }

  linkOpened(link: Link): void {
    for (const call of this.links.takeWaiting(link)) this.#attach(call, link);
  }

  linkFailed(link: Link, code: ErrorCode, message: string): void {
    this.links.forget(link);
    for (const call of this.links.takeWaiting(link)) {
      if (code === 'incompatible') this.#finish(call, new PeerdError(code, message));
      else if (link instanceof SessionLink)
        this.#fail(
          call,
          unreachedError(call.target.key, { peer: link.peer, code, message, dialError: link.dialError }),
        );
      else this.#tryAgain(call, new PeerdError('unreachable', `${call.target.key}: ${message}`));
    }
  }

  linkClosed(link: Link): void {
    this.links.forget(link);
    for (const open of link.calls.values()) {
      const call = open as OutboundCall;
      if (call.opened) this.#fail(call, call.disconnectedError());
      else this.#tryAgain(call, new PeerdError('unreachable', `the connection to ${call.target.key} broke`));
    }
  }

  reset(call: Call, code: number, reason: string): void {
    const outbound = call as OutboundCall;
    this.#fail(outbound, outbound.resetError(errorCodeOf(code), printable(reason)));
  }

  admitChunk(link: Link, call: Call): boolean {
    const { held, limits } = this.#shared;
    let error: PeerdError | undefined;
    const maxBytes = maxBytesOf(call.service, limits);
    if (call.chunkBytes > maxBytes) {
      const limit = `over the limit of ${maxBytes} bytes`;
      error = new PeerdError('too-large', `the answer of ${(call as OutboundCall).target.key} is ${limit}`);
    } else if (held.bytes > limits.maxBytesInFlight && !(call as OutboundCall).isInternal) {
      this.#shared.bytes.refuse(this.#shared.context);
      error = new PeerdError(
        'busy',
        `${limits.maxBytesInFlight} bytes are in flight: the request was handled, and its answer has no room`,
      );
    }
    if (error === undefined) return true;
    link.reset(call, 'cancelled', '');
    this.#finish(call as OutboundCall, error);
    return false;
  }

  message(link: Link, call: Call, isLast: boolean): void {
    const outbound = call as OutboundCall;
    outbound.untakenBytes?.push(outbound.chunkHeldBytes);
    const payload = outbound.takeMessage();
    if (outbound.end !== undefined) {
      outbound.hasAnswered = true;
      this.#settlePath(outbound, undefined);
      this.#shared.context.emit({ type: 'request/message', ref: outbound.ref, payload });
      if (isLast) this.#finish(outbound, undefined);
    } else if (isLast) {
      this.#finish(outbound, payload);
    } else {
      link.reset(call, 'cancelled', '');
      const who = `${outbound.serviceText}${outbound.target.key}`;
      this.#finish(outbound, new PeerdError('invalid', `${who} answers with a stream: use requestStream`));
    }
  }

  /** The other side ended its answers without another message. */
  ended(_link: Link, call: Call): void {
    const outbound = call as OutboundCall;
    if (outbound.end !== undefined) this.#finish(outbound, undefined);
    else
      this.#finish(
        outbound,
        new PeerdError('invalid', `${outbound.target.key} answered with an empty stream`),
      );
  }

  expire(): void {
    const { nowMs } = this.#shared.context;
    this.#deadlines.expire(nowMs, (call) => this.#abandon(call, call.timeoutError()));
    this.#retries.expire(nowMs, (call) => this.#find(call));
  }

  stop(): void {
    for (const call of this.#calls.values())
      this.#finish(call, new PeerdError('stopped', 'the server was stopped'));
  }

  snapshot(): unknown {
    return {
      calls: this.#calls
        .values()
        .map((call) => [call.ref, call.phase, call.link?.id, call.id, call.attempts, call.retries]),
      links: this.links.snapshot(),
    };
  }

  #refusal(call: OutboundCall): PeerdError | undefined {
    const { held, limits } = this.#shared;
    const size = call.payload.length;
    // Our own are few and small, and must not take the place of a program's, nor find none.
    if (call.isInternal) return undefined;
    if (this.size >= limits.maxOutboundCalls) {
      this.quota.refuse(this.#shared.context);
      return new PeerdError(
        'busy',
        `${limits.maxOutboundCalls} calls are in flight: try again when some have ended`,
      );
    }
    if (held.bytes > 0 && held.bytes + size > limits.maxBytesInFlight) {
      this.#shared.bytes.refuse(this.#shared.context);
      return new PeerdError(
        'busy',
        `${limits.maxBytesInFlight} bytes are in flight: try again when some have ended`,
      );
    }
    return undefined;
  }

  #take(call: OutboundCall): void {
    const refusal = call.mistake(this.#shared.limits) ?? this.#refusal(call);
    if (refusal === undefined) this.#start(call);
    else this.#settle(call, refusal);
  }

  #start(call: OutboundCall): void {
    this.#calls.set(call.ref, call);
    if (call.isInternal) this.#internal += 1;
    this.#shared.held.bytes += call.heldBytes;
    if (call.timeoutMs > 0) {
      call.deadlineMs = this.#shared.context.nowMs + call.timeoutMs;
      call.deadline = this.#deadlines.add(call, call.deadlineMs);
    }
    const link = this.links.routeOf(call.target.key);
    if (link === undefined) this.#find(call);
    else this.#attach(call, link);
  }

  #find(call: OutboundCall): void {
    call.phase = 'finding';
    call.attempts += 1;
    this.#shared.context.emit({
      type: 'peer/reach',
      ref: call.ref,
      target: call.route,
      ...(call.isInternal ? {} : { overRoutes: true }),
    });
  }

  #attach(call: OutboundCall, link: Link): void {
    if (!link.isOpen) {
      call.phase = 'opening';
      this.links.wait(link, call);
      return;
    }
    call.phase = 'open';
    link.open(call, { bytes: call.payload, end: true, accepted: undefined });
    this.links.setRoute(call.target.key, link);
    this.#shared.touch(link);
  }

  #fallBack(call: OutboundCall, peer: string, connection: string): void {
    if (call.service !== '' || call.end !== undefined) {
      const what = call.service === '' ? 'streams of answers' : 'services';
      this.#finish(
        call,
        new PeerdError('incompatible', `${call.target.key} speaks only tinyp2p, which has no ${what}`),
      );
      return;
    }
    call.phase = 'fallback';
    call.fallbackPeer = peer;
    this.#shared.context.emit({ type: 'fallback/send', ref: call.ref, connection, payload: call.payload });
  }

  /** Nothing of the call was written: it may have another connection, once. */
  #tryAgain(call: OutboundCall, error: PeerdError): void {
    call.link?.end(call);
    if (call.attempts >= MAX_ATTEMPTS) {
      this.#fail(call, error);
      return;
    }
    call.link = undefined;
    call.isOver = false;
    call.isReady = false;
    call.outgoing.shift();
    this.#find(call);
  }

  /** Ends a call that has failed, unless it is one to be tried again: that is another call with its reference. */
  #fail(call: OutboundCall, error: PeerdError): void {
    if (!this.#retries.takes(call, error)) return this.#finish(call, lastError(call, error));
    const { context, held } = this.#shared;
    const next = call.again(context.nowMs);
    this.#forget(call);
    this.#calls.set(next.ref, next);
    held.bytes += next.heldBytes;
    if (next.deadlineMs < Number.POSITIVE_INFINITY)
      next.deadline = this.#deadlines.add(next, next.deadlineMs);
    this.#retries.add(next, context.nowMs, context.random());
  }

  /** Ends a call that the other side may still be working on. */
  #abandon(call: OutboundCall, error: PeerdError): void {
    if (call.phase === 'finding') this.#shared.context.emit({ type: 'peer/leave', ref: call.ref });
    if (call.phase === 'fallback') this.#shared.context.emit({ type: 'fallback/cancel', ref: call.ref });
    if (call.link !== undefined) {
      call.link.reset(call, 'cancelled', '');
      this.#shared.touch(call.link);
    }
    this.#finish(call, error);
  }

  #finish(call: OutboundCall, outcome: Uint8Array | PeerdError | undefined): void {
    this.#forget(call);
    this.#settle(call, outcome);
  }

  #forget(call: OutboundCall): void {
    if (this.#calls.delete(call.ref) && call.isInternal) this.#internal -= 1;
    call.link?.end(call);
    call.isOver = true;
    this.#deadlines.remove(call.deadline);
    if (call.phase === 'pausing') this.#retries.remove(call);
    this.#release(call, call.heldBytes);
    call.letGo();
  }

  /** The whole request has gone out: it is the other side's to keep. */
  #sent(call: OutboundCall): void {
    if (call.path !== undefined && call.link instanceof SessionLink) call.link.wantsPath = true;
    if (call.isIdempotent) return;
    this.#release(call, call.payload.length);
    call.payload = none;
  }

  #release(call: OutboundCall, bytes: number): void {
    const released = Math.min(bytes, call.heldBytes);
    call.heldBytes -= released;
    this.#shared.held.bytes -= released;
  }

  #settlePath(call: OutboundCall, error: PeerdError | undefined): void {
    const { path: responder } = call;
    if (responder === undefined) return;
    call.path = undefined;
    const unknown = call.passed.length === 0 ? PATH_UNKNOWN : undefined;
    const why = error ?? unknown;
    if (why === undefined) this.#shared.context.emit({ type: 'settle', responder, value: call.passed });
    else this.#shared.context.emit({ type: 'fail', responder, error: why });
  }

  #settle(call: OutboundCall, outcome: Uint8Array | PeerdError | undefined): void {
    const { context } = this.#shared;
    this.#settlePath(call, outcome instanceof PeerdError ? outcome : undefined);
    const responder = call.answer ?? call.end;
    if (responder === undefined)
      context.emit({
        type: 'request/internal-settled',
        ref: call.ref,
        outcome: outcome ?? none,
      });
    else if (outcome instanceof PeerdError) context.emit({ type: 'fail', responder, error: outcome });
    else context.emit({ type: 'settle', responder, value: outcome });
  }
}
