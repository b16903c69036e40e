import { type ErrorCode, PeerdError } from '@peerd/protocol';
import type { Deadline } from '../channel/deadlines.ts';
import type { Settler } from '../channel/responder.ts';
import type { Target } from '../peers/target.ts';
import { Call } from './call.ts';

/** How often a call that was never written is given another connection. */
export const MAX_ATTEMPTS = 2;

/**
 * A call of ours. It is first `finding` the peer (a connection that may be used), then `opening` (waiting for
 * the stream of calls), then `open`; `fallback` calls have a stream of their own.
 */
export class OutboundCall extends Call {
  readonly ref: number;
  readonly target: Target;
  readonly service: string;
  /** Empty once it has been written. */
  payload: Uint8Array;
  readonly answer: Settler<Uint8Array> | undefined;
  readonly end: Settler<void> | undefined;
  phase: 'finding' | 'opening' | 'open' | 'fallback' = 'finding';
  attempts = 0;
  deadline: Deadline<OutboundCall> | undefined;

  constructor(
    ref: number,
    target: Target,
    service: string,
    payload: Uint8Array,
    timeoutMs: number,
    answer: Settler<Uint8Array> | undefined,
    end: Settler<void> | undefined,
  ) {
    super();
    this.ref = ref;
    this.target = target;
    this.service = service;
    this.payload = payload;
    this.timeoutMs = timeoutMs;
    this.answer = answer;
    this.end = end;
    this.heldBytes = payload.length;
  }

  get serviceText(): string {
    return this.service === '' ? '' : `service ${this.service} of `;
  }

  timeoutError(): PeerdError {
    return new PeerdError(
      'timeout',
      this.phase === 'finding' || this.phase === 'opening'
        ? `no connection to ${this.target.key} within ${this.timeoutMs} ms`
        : `no answer from ${this.serviceText}${this.target.key} within ${this.timeoutMs} ms`,
    );
  }

  disconnectedError(): PeerdError {
    return new PeerdError(
      'disconnected',
      `the connection to ${this.target.key} broke with the call in flight: whether it was handled is unknown`,
    );
  }

  /** What the caller is told when the other side ended the call. */
  resetError(code: ErrorCode, reason: string): PeerdError {
    const who = `${this.serviceText}${this.target.key}`;
    const why = reason === '' ? '' : `: ${reason}`;
    switch (code) {
      case 'refused':
        return new PeerdError(code, reason === '' ? `${who} refused` : reason);
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
