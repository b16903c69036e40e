import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import {
  absenceReason,
  controlVersions,
  decodeServerFrame,
  errorOf,
  helloTimeoutMs,
  Link,
  type ServerFrame,
  type Welcome,
} from '@peerd/protocol/control';
import { Calls } from './calls.ts';
import { type HandlerErrorListener, InboundRequests } from './inbound.ts';

/** Time for the daemon to let go of a client's registrations before the connection is cut. */
const closeTimeoutMs = 2_000;

/** Told that a connection has ended, and why, while everything that was open on it is still there. */
export type Gone = (connection: Connection, error: PeerdError) => void;

export interface OpenOptions {
  /** What this program is called. Default: the path of its main file. */
  program?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Whether another connection may follow: if not, calls end with what the daemon says when it stops. */
  goesOn: boolean;
  /** Whether a daemon that is stopping will do. */
  whileStopping: boolean;
  gone: Gone;
  onHandlerError?: HandlerErrorListener | undefined;
}

/** A connection to a daemon: the calls and inbound requests that go over it, from the greeting to the end. */
export class Connection {
  readonly calls: Calls;
  readonly inbound: InboundRequests;
  readonly #path: string;
  readonly #goesOn: boolean;
  readonly #tell: Gone;
  readonly #link: Link;
  readonly #greeting = Promise.withResolvers<Welcome>();
  readonly #closed = Promise.withResolvers<PeerdError>();
  #greeted = false;
  #isOver = false;
  /** The daemon has said that it stops, and another connection may follow. */
  #isStopping = false;
  /** Why the connection ends, once that is known; else it was lost. */
  #reason: PeerdError | undefined;

  private constructor(path: string, options: OpenOptions) {
    const { program = process.argv[1] ?? process.execPath, onHandlerError, goesOn, gone } = options;
    const { whileStopping } = options;
    this.#path = path;
    this.#goesOn = goesOn;
    this.#tell = gone;
    this.#link = Link.to(path, {
      frame: (bytes, start, end) => this.#frame(bytes, start, end),
      invalid: (error) => this.#invalid(error),
      ended() {},
      closed: (cause) => this.#gone(cause),
    });
    this.calls = new Calls(this.#link);
    this.inbound = new InboundRequests(this.calls, onHandlerError);
    this.calls.send(0, { case: 'hello', value: { versions: [...controlVersions], program, whileStopping } });
  }

  /**
   * Connects to the daemon at a socket and greets it. Fails with `daemon-unavailable`, `incompatible`, what the
   * daemon says (`busy`, `stopped`), or the signal's reason.
   */
  static async open(
    path: string,
    options: OpenOptions,
  ): Promise<{ connection: Connection; welcome: Welcome }> {
    const { signal } = options;
    signal?.throwIfAborted();
    const connection = new Connection(path, options);
    const giveUp = (reason: unknown) => {
      connection.#greeting.reject(reason);
      connection.#link.destroy();
    };
    const aborted = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    const late = () => giveUp(silent(path));
    const timer = setTimeout(late, helloTimeoutMs);
    try {
      return { connection, welcome: await connection.#greeting.promise };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    }
  }

  /** Resolves when the connection is gone, to the reason; never rejects. */
  get closed(): Promise<PeerdError> {
    return this.#closed.promise;
  }

  /** Nothing can be asked on it any more. */
  get isOver(): boolean {
    return this.#isOver || this.#isStopping;
  }

  /** Cuts the connection: the daemon is not what it should be, or does not answer. */
  cut(reason: PeerdError): void {
    this.#end(reason);
  }

  /** Ends the connection; resolves when the daemon has let go of all that belonged to it. */
  async close(): Promise<void> {
    const stopped = new PeerdError('stopped', 'this client was closed');
    this.#reason ??= stopped;
    this.calls.failAll(stopped);
    this.inbound.cancelAll(stopped);
    this.#link.end();
    const cut = setTimeout(() => this.#link.destroy(), closeTimeoutMs);
    await this.closed;
    clearTimeout(cut);
  }

  #frame(bytes: Uint8Array, start: number, end: number): void {
    let frame: ServerFrame;
    try {
      frame = decodeServerFrame(bytes, start, end);
    } catch (error) {
      this.#invalid(PeerdError.from(error));
      return;
    }
    const { call, body } = frame;
    if (!this.#greeted) this.#greet(body);
    else if (body.case === 'inbound') this.inbound.start(call, body.value);
    else if (body.case === 'cancel') this.inbound.cancel(call);
    else if (body.case === 'took') this.inbound.taken(call, body.value.cost);
    else if (call !== 0) this.#receive(frame);
    else if (body.case === 'fault') this.#end(errorOf(body.value));
    else if (body.case === 'stopping') this.#isStopping = this.#goesOn;
  }

  /** What a daemon that stops breaks off ends with the connection, as what was in flight. */
  #receive(frame: ServerFrame): void {
    const { body } = frame;
    if (this.#isStopping && body.case === 'fault' && body.value.code === 'stopped') return;
    this.calls.receive(frame);
  }

  #greet(body: ServerFrame['body']): void {
    if (body.case === 'fault') return this.#end(errorOf(body.value));
    if (body.case !== 'welcome') return this.#end(notPeerd(this.#path, 'it does not greet'));
    const { version, versions, daemonVersion } = body.value;
    if (!controlVersions.includes(version))
      return this.#end(noCommonVersion(this.#path, daemonVersion, versions));
    this.#greeted = true;
    this.#greeting.resolve(body.value);
  }

  #invalid(error: PeerdError): void {
    this.#end(this.#greeted ? error : notPeerd(this.#path, error.message));
  }

  #end(reason: PeerdError): void {
    this.#reason ??= reason;
    this.#link.destroy();
  }

  #gone(cause: Error | undefined): void {
    const error = this.#reason ?? this.#lost(cause);
    this.#isOver = true;
    this.#tell(this, error);
    this.#greeting.reject(error);
    const calls = this.#endOfCalls(error);
    this.calls.failAll(calls);
    this.inbound.cancelAll(calls);
    this.#closed.resolve(error);
  }

  /** Of what went out and was not answered nobody knows whether it was done, but that a client that leaves knows. */
  #endOfCalls(error: PeerdError): PeerdError {
    const { code } = error;
    if (code === 'daemon-unavailable' || code === 'busy' || (code === 'stopped' && this.#goesOn))
      return new PeerdError(
        'disconnected',
        `the connection to the daemon at ${this.#path} was lost with this in flight: whether it was done is unknown`,
        { cause: error },
      );
    return error;
  }

  #lost(cause: Error | undefined): PeerdError {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    if (!this.#greeted) return notGreeted(this.#path, code, cause);
    const why = code ?? 'it closed the connection';
    const message = `the connection to the daemon at ${this.#path} was lost (${why})`;
    return new PeerdError('daemon-unavailable', message, { cause });
  }
}

const whenStuck =
  'find its process with: pgrep -af peerd; a stopped one goes on after: kill -CONT <pid>, a stuck one ends by: kill -KILL <pid>';

function silent(path: string): PeerdError {
  return new PeerdError(
    'daemon-unavailable',
    `the daemon at ${path} is there, but it did not greet in ${helloTimeoutMs} ms: it is stuck, or stopped. To go on, ${whenStuck}`,
  );
}

/** The connection could not be made, or ended before a word was said. */
function notGreeted(path: string, code: string | undefined, cause: Error | undefined): PeerdError {
  // The system keeps some hundred connections for the daemon to accept.
  if (code === 'EAGAIN')
    return new PeerdError(
      'busy',
      `the daemon at ${path} is there, but too many programs wait for it to take their connections: try again in a moment. ` +
        `If that goes on, it is stuck, or stopped: ${whenStuck}`,
      { cause },
    );
  const message =
    code === undefined || code === 'ECONNRESET' || code === 'EPIPE'
      ? `what listens at ${path} closed the connection before it greeted: a daemon that ends, or has far more clients than it ` +
        'takes. Try again in a moment'
      : `no daemon answers at ${path} (${absenceReason(code) ?? code}): start one with: peerd start`;
  return new PeerdError('daemon-unavailable', message, { cause });
}

function notPeerd(path: string, why: string): PeerdError {
  return new PeerdError('incompatible', `what listens at ${path} is not a peerd daemon: ${why}`);
}

function noCommonVersion(path: string, daemonVersion: string, theirs: readonly number[]): PeerdError {
  return new PeerdError(
    'incompatible',
    `the daemon at ${path} (peerd ${daemonVersion}) speaks versions ${theirs.join(', ')} of the control protocol, ` +
      `this client ${controlVersions.join(', ')}: update the older of the two`,
  );
}
