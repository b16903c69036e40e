import { PeerdError } from '@peerd/protocol';
import type { Connection } from './connection.ts';
import type { Surroundings } from './surroundings.ts';

/** Calls that may wait for the daemon to come back: what a busy program asks in a restart of a second. */
const maxWaiting = 8_192;

/** Payload bytes of these, which their callers keep as well. */
const maxWaitingBytes = 64 * 1024 * 1024;

export interface WaitOptions {
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** The payload that waits with it. */
  bytes: number;
}

/** What a call ends with that waited in vain. */
export function notBackIn(timeoutMs: number): PeerdError {
  return new PeerdError(
    'daemon-unavailable',
    `the daemon was gone and did not come back in ${Math.round(timeoutMs)} ms: nothing was done`,
  );
}

interface Waiter {
  leave(): void;
  resolve(connection: Connection): void;
  reject(error: unknown): void;
}

/** The calls that wait for a connection. Each leaves in one of three ways: connected, given up or closed. */
export class Waiting {
  readonly #surroundings: Surroundings;
  readonly #waiters = new Set<Waiter>();
  #bytes = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Fails with `daemon-unavailable` after the time, `busy` past the bounds, or the signal's reason. */
  join({ timeoutMs, signal, bytes }: WaitOptions): Promise<Connection> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#waiters.size >= maxWaiting || this.#bytes + bytes > maxWaitingBytes)
      return Promise.reject(
        new PeerdError(
          'busy',
          `${this.#waiters.size} calls with ${this.#bytes} bytes wait for the daemon to come back: call again later`,
        ),
      );
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const aborted = () => {
      waiter.leave();
      reject(signal?.reason);
    };
    const late = () => {
      waiter.leave();
      reject(notBackIn(timeoutMs));
    };
    const stopTimer = this.#surroundings.after(timeoutMs, late);
    const waiter: Waiter = {
      leave: () => {
        stopTimer();
        signal?.removeEventListener('abort', aborted);
        if (this.#waiters.delete(waiter)) this.#bytes -= bytes;
      },
      resolve,
      reject,
    };
    signal?.addEventListener('abort', aborted, { once: true });
    this.#waiters.add(waiter);
    this.#bytes += bytes;
    return promise;
  }

  connected(connection: Connection): void {
    for (const waiter of this.#leaveAll()) waiter.resolve(connection);
  }

  closed(reason: PeerdError): void {
    for (const waiter of this.#leaveAll()) waiter.reject(new PeerdError(reason.code, reason.message));
  }

  #leaveAll(): Waiter[] {
    const all = [...this.#waiters];
    for (const waiter of all) waiter.leave();
    return all;
  }
}
