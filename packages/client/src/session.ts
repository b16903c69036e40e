import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { answerTimeoutMs } from './ask.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Connection, Gone } from './connection.ts';
import { type ConnectionEvent, type DaemonInfo, maxListed } from './events.ts';
import { type Held, Lease } from './lease.ts';
import { restore } from './restore.ts';
import { realSurroundings, type Surroundings } from './surroundings.ts';
import { notBackIn, Waiting, type WaitOptions } from './waiting.ts';

export interface ReconnectOptions extends BackoffOptions {
  /** How long to try before the client ends with `daemon-unavailable`. Default: as long as it takes. */
  giveUpMs?: number | undefined;
}

export interface Dialled {
  connection: Connection;
  daemon: DaemonInfo;
}

/** Connects to the daemon. `gone` is called first of all when the connection has ended. */
export type Dial = (gone: Gone, signal: AbortSignal) => Promise<Dialled>;

export interface SessionOptions {
  dial: Dial;
  /** `undefined`: the session ends with its connection. */
  reconnect: ReconnectOptions | undefined;
  /** How long the first connection may take to come about. */
  waitMs: number;
  onConnection: ((event: ConnectionEvent) => void) | undefined;
  surroundings?: Surroundings;
}

/** The time without a connection: at the start, or since one was lost. */
interface Away {
  readonly sinceMs: number;
  /** When it is no longer tried. */
  readonly untilMs: number;
  attempts: number;
}

interface Connecting {
  readonly type: 'connecting';
  readonly away: Away;
  readonly abort: AbortController;
  connection?: Connection;
}

type State =
  /** An attempt is under way, to the end of restoring all that stood. */
  | Connecting
  /** The next attempt comes when a timer says so. */
  | { readonly type: 'waiting'; readonly away: Away; readonly stopTimer: () => void }
  | { readonly type: 'connected'; readonly connection: Connection; readonly sinceMs: number }
  | { readonly type: 'closed'; readonly reason: PeerdError };

export interface Attempt<T> {
  /** The time for all of it: waiting for a connection, and every time that it is sent. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** What waits in memory while there is no connection. Default: 0. */
  bytes?: number;
  /** Whether it may be sent again when a connection was lost with it in flight. */
  again: boolean;
  send(connection: Connection, leftMs: number): Promise<T>;
}

/** What survives connections: one at a time, and what goes from one to the next. */
export class Session {
  readonly #dial: Dial;
  readonly #reconnect: ReconnectOptions | undefined;
  readonly #onConnection: ((event: ConnectionEvent) => void) | undefined;
  readonly #surroundings: Surroundings;
  readonly #backoff: Backoff;
  readonly #waiting: Waiting;
  /** What stands, or stood and is to be restored. */
  readonly #leases = new Set<Lease>();
  readonly #started = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<PeerdError>();
  #daemon: DaemonInfo | undefined;
  #state: State;
  /** The daemon was asked to stop: there is nothing to come back to. */
  #isLast = false;

  private constructor({ dial, reconnect, waitMs, onConnection, surroundings }: SessionOptions) {
    this.#dial = dial;
    this.#reconnect = reconnect;
    this.#onConnection = onConnection;
    this.#surroundings = surroundings ?? realSurroundings;
    this.#backoff = new Backoff(() => this.#surroundings.random(), reconnect);
    this.#waiting = new Waiting(this.#surroundings);
    this.#state = this.#attempt(this.#awayFor(waitMs));
  }

  /** Connects, trying for `waitMs`. Fails with what the last attempt failed with, or the signal's reason. */
  static async start(options: SessionOptions, signal?: AbortSignal): Promise<Session> {
    signal?.throwIfAborted();
    const session = new Session(options);
    const aborted = () => {
      session.#started.reject(signal?.reason);
      void session.close();
    };
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      await session.#started.promise;
      return session;
    } finally {
      signal?.removeEventListener('abort', aborted);
    }
  }

  get daemon(): DaemonInfo {
    return this.#daemon as DaemonInfo;
  }

  /** Resolves when the session has ended for good, to the reason. */
  get closed(): Promise<PeerdError> {
    return this.#closed.promise;
  }

  get reconnects(): boolean {
    return this.#reconnect !== undefined;
  }

  /** The connection that stands; undefined while there is none. */
  get connection(): Connection | undefined {
    const state = this.#state;
    return state.type === 'connected' && !state.connection.isOver ? state.connection : undefined;
  }

  /** Makes a call on the connection that stands or, without one, on the next. */
  async attempt<T>({ timeoutMs, signal, bytes = 0, again, send }: Attempt<T>): Promise<T> {
    const untilMs = this.#surroundings.nowMs() + timeoutMs;
    let lost: unknown;
    for (;;) {
      const leftMs = Math.max(0, untilMs - this.#surroundings.nowMs());
      let { connection } = this;
      try {
        connection ??= await this.#nextConnection({ timeoutMs: leftMs, signal, bytes });
      } catch (error) {
        // Once it was sent, "nothing was done" can't be said any more.
        throw isUnavailable(error) && lost !== undefined ? lost : error;
      }
      const sendMs = Math.max(0, untilMs - this.#surroundings.nowMs());
      // To the daemon no time at all is a mistake of the caller's.
      if (sendMs === 0 && timeoutMs > 0) throw lost ?? notBackIn(timeoutMs);
      try {
        return await send(connection, sendMs);
      } catch (error) {
        if (!again || !connection.isOver || !isDisconnected(error)) throw error;
        lost = error;
      }
    }
  }

  /**
   * Holds a registration or a subscription, on this connection and all that follow, until it is released, by what this
   * resolves to or by the signal.
   */
  async hold(held: Held, signal?: AbortSignal): Promise<() => Promise<void>> {
    const lease = new Lease(held, (standing) => this.#leases.add(standing));
    void lease.over.then(() => this.#leases.delete(lease));
    try {
      await this.attempt({
        timeoutMs: answerTimeoutMs,
        signal,
        again: true,
        send: (connection, timeoutMs) => lease.attach(connection, { timeoutMs, signal }),
      });
    } catch (error) {
      lease.end(PeerdError.from(error));
      throw error;
    }
    const release = () => lease.release();
    if (signal?.aborted) void release();
    signal?.addEventListener('abort', release);
    void lease.over.then(() => signal?.removeEventListener('abort', release));
    return release;
  }

  /** When this connection ends, the session does. */
  makeLast(isLast: boolean): void {
    this.#isLast = isLast;
  }

  /** Ends all; resolves when the daemon has let go of it. */
  async close(): Promise<void> {
    const state = this.#state;
    if (state.type === 'closed') return void (await this.closed);
    const connection = 'connection' in state ? state.connection : undefined;
    const reason = new PeerdError('stopped', 'this client was closed');
    this.#end(reason, true);
    await connection?.close();
    this.#closed.resolve(reason);
  }

  #awayFor(forMs: number): Away {
    const sinceMs = this.#surroundings.nowMs();
    return { sinceMs, untilMs: sinceMs + forMs, attempts: 0 };
  }

  #nextConnection(options: WaitOptions): Promise<Connection> {
    if (this.#state.type === 'closed') return Promise.reject(copyOf(this.#state.reason));
    return this.#waiting.join(options);
  }

  #attempt(away: Away): Connecting {
    const state: Connecting = { type: 'connecting', away, abort: new AbortController() };
    away.attempts += 1;
    this.#connect(state).catch((cause: unknown) => {
      const error = PeerdError.from(cause);
      state.connection?.cut(error);
      if (this.#state !== state) return;
      if (isFinal(error)) this.#finish(error);
      else this.#wait(away, error);
    });
    return state;
  }

  async #connect(state: Connecting): Promise<void> {
    const gone = (connection: Connection, error: PeerdError) => this.#gone(connection, error);
    const { connection, daemon } = await this.#dial(gone, state.abort.signal);
    state.connection = connection;
    if (this.#state !== state) return void connection.close();
    const before = this.#daemon;
    if (before !== undefined && before.id !== daemon.id) throw foreign(before, daemon);
    const { missed, notRestored } = await restore(this.#leases, connection, this.#surroundings);
    if (this.#state !== state) return;
    if (connection.isOver) throw await connection.closed;
    this.#daemon = daemon;
    const nowMs = this.#surroundings.nowMs();
    this.#state = { type: 'connected', connection, sinceMs: nowMs };
    this.#started.resolve();
    const { sinceMs, attempts } = state.away;
    if (before !== undefined)
      this.#tell({ type: 'restored', awayMs: nowMs - sinceMs, attempts, daemon, missed, notRestored });
    this.#waiting.connected(connection);
  }

  #gone(connection: Connection, error: PeerdError): void {
    const state = this.#state;
    if (state.type !== 'connected' || state.connection !== connection) return;
    const open = [...connection.calls.inFlight(), ...connection.inbound.inFlight()];
    if (this.#reconnect === undefined || this.#isLast || isFinal(error)) this.#finish(error);
    else {
      const stoodMs = this.#surroundings.nowMs() - state.sinceMs;
      // A daemon that breaks off at once is not asked again at once.
      if (stoodMs >= this.#backoff.maxDelayMs) this.#backoff.reset();
      this.#wait(this.#awayFor(this.#reconnect.giveUpMs ?? Number.POSITIVE_INFINITY), error);
    }
    const inFlight = open.slice(0, maxListed);
    this.#tell({ type: 'lost', error, inFlight, inFlightCount: open.length });
  }

  #wait(away: Away, error: PeerdError): void {
    const leftMs = away.untilMs - this.#surroundings.nowMs();
    if (leftMs <= 0) return this.#finish(error);
    const stopTimer = this.#surroundings.after(Math.min(this.#backoff.next(), leftMs), () => {
      this.#state = this.#attempt(away);
    });
    this.#state = { type: 'waiting', away, stopTimer };
  }

  #finish(reason: PeerdError): void {
    this.#end(reason);
    this.#closed.resolve(reason);
  }

  /** Settles all that waits, and all that stands: with the reason, unless that is what was asked for. */
  #end(reason: PeerdError, isAsked = false): void {
    const state = this.#state;
    this.#state = { type: 'closed', reason };
    if (state.type === 'waiting') state.stopTimer();
    if (state.type === 'connecting') state.abort.abort(reason);
    this.#waiting.closed(reason);
    for (const lease of [...this.#leases]) lease.end(isAsked ? undefined : copyOf(reason));
    this.#started.reject(reason);
  }

  #tell(event: ConnectionEvent): void {
    try {
      this.#onConnection?.(event);
    } catch (error) {
      process.emitWarning(`onConnection failed: ${error instanceof Error ? error.stack : error}`);
    }
    if (this.#onConnection !== undefined || event.type === 'lost') return;
    for (const { kind, service, topics, error } of event.notRestored)
      process.emitWarning(
        `the ${kind} of ${service ?? topics?.join(', ')} was not restored: ${error.message}`,
      );
  }
}

function isFinal({ code }: PeerdError): boolean {
  return code === 'incompatible' || code === 'invalid';
}

function isUnavailable(error: unknown): boolean {
  return error instanceof PeerdError && error.code === 'daemon-unavailable';
}

function isDisconnected(error: unknown): boolean {
  return error instanceof PeerdError && error.code === 'disconnected';
}

function copyOf({ code, message, cause }: PeerdError): PeerdError {
  return new PeerdError(code, message, { cause });
}

function foreign(before: DaemonInfo, now: DaemonInfo): PeerdError {
  return new PeerdError(
    'incompatible',
    `the daemon at ${now.socket} is another one now: it is ${now.id}, and was ${before.id}. Connect anew to use it`,
  );
}
