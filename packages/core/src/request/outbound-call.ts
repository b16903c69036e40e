import { type ErrorCode, PeerdError, type PeerRef } from '@peerd/protocol';
import { Ring } from '@peerd/protocol/queues';
import type { Deadline } from '../channel/deadlines.ts';
import type { Settler } from '../channel/responder.ts';
import type { Limits } from '../config.ts';
import { maxBytesOf } from '../internal-services.ts';
import type { Target } from '../peers/target.ts';
import { Call } from './call.ts';
import { MAX_SERVICE_BYTES } from './frames.ts';
import { SessionLink } from './session-link.ts';

/** How often a call that was never written is given another connection. */
export const MAX_ATTEMPTS = 2;

const none = new Uint8Array(0);

/** What is asked, whatever becomes of it. */
export interface Question {
  readonly ref: number;
  readonly target: Target;
  readonly service: string;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
  readonly idempotent?: boolean | undefined;
  readonly answer?: Settler<Uint8Array> | undefined;
  readonly end?: Settler<void> | undefined;
  readonly path?: Settler<readonly PeerRef[]> | undefined;
}

/**
 * A call of ours. It is first `finding` the peer (a connection that may be used), then `opening` (waiting for
 * the stream of calls), then `open`; `fallback` calls have a stream of their own. One that was cut off may be
 * `pausing` before it is tried again.
 */
export class OutboundCall extends Call {
  readonly ref: number;
  readonly target: Target;
  readonly service: string;
  /** Empty once it has been written, unless it may have to be written again. */
  payload: Uint8Array;
  readonly answer: Settler<Uint8Array> | undefined;
  readonly end: Settler<void> | undefined;
  /** Until it has been settled. */
  path: Settler<readonly PeerRef[]> | undefined;
  /** Who answers a call that has no link. */
  fallbackPeer: string | undefined;
  /** To be asked again when the connection breaks: its payload is kept. */
  readonly isIdempotent: boolean;
  /** Whether a message of a stream of answers has been handed over. */
  hasAnswered = false;
  /** What the messages of a stream count for that its reader has not taken, oldest first. */
  readonly untakenBytes: Ring<number> | undefined;
  retries = 0;
  /** What the caller gave it; `timeoutMs` is what a retry has left of that. */
  totalTimeoutMs: number;
  /** Whom to reach: a retry wants the very peer that its first try found. */
  route: Target;
  phase: 'finding' | 'opening' | 'open' | 'fallback' | 'pausing' = 'finding';
  attempts = 0;
  deadlineMs: number = Number.POSITIVE_INFINITY;
  deadline: Deadline<OutboundCall> | undefined;

  constructor(question: Question) {
    super();
    this.ref = question.ref;
    this.target = question.target;
    this.route = question.target;
    this.service = question.service;
    this.payload = question.payload;
    this.timeoutMs = question.timeoutMs;
    this.totalTimeoutMs = question.timeoutMs;
    this.answer = question.answer;
    this.end = question.end;
    this.path = question.path;
    this.untakenBytes = question.end === undefined ? undefined : new Ring();
    this.isIdempotent = question.idempotent === true;
    this.heldBytes = question.payload.length;
  }

  /** Made by one of our own features, and nobody's. */
  get isInternal(): boolean {
    return this.answer === undefined && this.end === undefined;
  }

  /** What is wrong with the call itself. */
  mistake(limits: Limits): PeerdError | undefined {
    const size = this.payload.length;
    const maxBytes = maxBytesOf(this.service, limits);
    if (size > maxBytes)
      return new PeerdError('too-large', `the request is ${size} bytes, over the limit of ${maxBytes}`);
    // A UTF-16 unit is at most three bytes of UTF-8, so short names need no counting.
    if (this.service.length * 3 > MAX_SERVICE_BYTES && Buffer.byteLength(this.service) > MAX_SERVICE_BYTES)
      return new PeerdError('invalid', `the name of the service is over ${MAX_SERVICE_BYTES} bytes`);
    return undefined;
  }

  /** The same call before its next try. */
  again(nowMs: number): OutboundCall {
    const { ref, target, service, payload, answer, end, path } = this;
    const timeoutMs = Math.max(1, Math.ceil(Math.min(this.timeoutMs, this.deadlineMs - nowMs)));
    const call = new OutboundCall({
      ref,
      target,
      service,
      payload,
      timeoutMs,
      idempotent: true,
      answer,
      end,
      path,
    });
    const peer = this.link?.peer;
    // By a name nobody may be known any more; an address is still the best way there.
    call.route = target.kind === 'word' && peer !== undefined ? { kind: 'id', key: peer, peer } : this.route;
    call.retries = this.retries + 1;
    call.totalTimeoutMs = this.totalTimeoutMs;
    call.deadlineMs = this.deadlineMs;
    call.phase = 'pausing';
    return call;
  }

  /** It is over: its link may go on to know of it for a while, and is not to keep what it holds. */
  letGo(): void {
    this.payload = none;
    while (this.outgoing.shift() !== undefined);
  }

  /** The peers that it passes, the answering one last. */
  get passed(): readonly PeerRef[] {
    return this.link?.path ?? (this.fallbackPeer === undefined ? [] : [{ peer: this.fallbackPeer }]);
  }

  get serviceText(): string {
    return this.service === '' ? '' : `service ${this.service} of `;
  }

  timeoutError(): PeerdError {
    const isUnconnected = this.retries === 0 && (this.phase === 'finding' || this.phase === 'opening');
    const what = isUnconnected ? 'no connection to ' : `no answer from ${this.serviceText}`;
    const why = this.retries === 0 ? '' : ': the call was cut off, and trying again took too long';
    return new PeerdError('timeout', `${what}${this.target.key} within ${this.totalTimeoutMs} ms${why}`);
  }

  disconnectedError(): PeerdError {
    const { key } = this.target;
    const what =
      this.link instanceof SessionLink
        ? `the way to ${key} over others was lost`
        : `the connection to ${key} broke`;
    return new PeerdError(
      'disconnected',
      `${what} with the call in flight: whether it was handled is unknown`,
    );
  }

  /** What the caller is told when the other side ended the call. */
  resetError(code: ErrorCode, reason: string): PeerdError {
    const who = `${this.serviceText}${this.target.key}`;
    const why = reason === '' ? '' : `: ${reason}`;
    switch (code) {
      case 'refused':
        return new PeerdError(code, reason === '' ? `${who} refused` : reason);
      case 'forbidden':
        return new PeerdError(
          code,
          reason === '' ? `${who} is not for you` : `${this.target.key}: ${reason}`,
        );
      case 'no-handler':
        return new PeerdError(
          code,
          `nobody at ${this.target.key} handles ${this.service === '' ? 'requests' : `the service ${this.service}`}`,
        );
      default:
        return new PeerdError(code, `${who} answered ${code}${why}`);
    }
  }
}
