import { PeerdError } from '@peerd/protocol';
import { type Deadline, Deadlines } from '../channel/deadlines.ts';
import type { OutboundCall } from './outbound-call.ts';

/**
 * Times that a call is tried again after its connection broke or its peer stopped. With the pauses below the last try comes 6 s later on
 * average and 12 s at the most: a peer that restarts is back by then.
 */
export const MAX_RETRIES = 6;

/** Longest pause before the first retry; it doubles with each, up to the last. */
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 5_000;

/** Idempotent calls whose connection broke or whose peer stopped, until they are tried again. */
export class Retries {
  readonly #due = new Deadlines<OutboundCall>();
  readonly #pauses = new Map<OutboundCall, Deadline<OutboundCall>>();

  get nextTickMs(): number {
    return this.#due.nextMs;
  }

  /**
   * Whether a call that has failed so is worth another try. One that gets no connection is, after it had one: the peer
   * may be restarting.
   */
  takes(call: OutboundCall, { code }: PeerdError): boolean {
    if (!call.isIdempotent || call.hasAnswered || call.retries >= MAX_RETRIES) return false;
    return isCutOff(code) || (call.retries > 0 && isWithoutConnection(code));
  }

  /** Full jitter: callers that lost the same peer must not come back all at once. */
  add(call: OutboundCall, nowMs: number, random: number): void {
    const longestMs = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (call.retries - 1));
    this.#pauses.set(call, this.#due.add(call, nowMs + random * longestMs));
  }

  remove(call: OutboundCall): void {
    this.#due.remove(this.#pauses.get(call));
    this.#pauses.delete(call);
  }

  expire(nowMs: number, retry: (call: OutboundCall) => void): void {
    this.#due.expire(nowMs, (call) => {
      this.#pauses.delete(call);
      retry(call);
    });
  }
}

/** What a call ends with that was tried again in vain: its first try may have been handled, whatever the last one says. */
export function lastError({ retries, target }: OutboundCall, error: PeerdError): PeerdError {
  if (retries === 0 || !(isCutOff(error.code) || isWithoutConnection(error.code))) return error;
  const tries = retries === 1 ? 'once' : `${retries} times`;
  const message = `the call to ${target.key} was cut off, and it was tried again ${tries}: ${error.message}`;
  return new PeerdError('disconnected', message);
}

/** By a connection that broke or a node that stopped: either may be back in a moment. */
function isCutOff(code: PeerdError['code']): boolean {
  return code === 'disconnected' || code === 'stopped';
}

function isWithoutConnection(code: PeerdError['code']): boolean {
  return code === 'unreachable' || code === 'unknown-peer';
}
