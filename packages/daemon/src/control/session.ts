import type { Socket } from 'node:net';
import type { Log } from '@peerd/core';
import { type ClientInfo, PeerdError } from '@peerd/protocol';
import {
  type ClientFrame,
  controlVersions,
  decodeClientFrame,
  faultOf,
  helloTimeoutMs,
  Link,
  type LinkEvents,
  maxOpenCalls,
  maxUnsentBytes,
  type ServerBody,
  sendServerFrame,
  unreadTimeoutMs,
} from '@peerd/protocol/control';
import type { Call, Node } from './call.ts';
import { pathFrame, runCommand } from './commands.ts';
import { InboundCalls } from './inbound.ts';
import type { Refusals } from './load.ts';
import { type OpenCall, type Replies, RequestCall } from './request-call.ts';

/** What a client is told about the daemon when it greets. */
export interface Identity {
  id: string;
  name: string;
  version: string;
  pid: number;
  /** The data directory. */
  data: string;
  /** The configuration file that was read; undefined: none. */
  configFile: string | undefined;
}

/** A command that runs until its promise settles. */
class CommandCall implements OpenCall {
  readonly controller: AbortController = new AbortController();
  readonly call: Call;
  readonly command: ClientFrame['body']['case'];

  constructor(command: ClientFrame['body']['case'], call: Omit<Call, 'signal' | 'window'>) {
    this.command = command;
    this.call = { ...call, signal: this.controller.signal, window: undefined };
  }

  cancel(): void {
    this.controller.abort(left());
  }

  taken(cost: number): void {
    this.call.window?.taken(cost);
  }
}

/**
 * One client's connection. All that the client has asked for hangs on it as a lease: when the connection goes,
 * its calls are cancelled, its subscriptions and registrations closed, and whoever waits for one of its handlers
 * hears `disconnected` at once.
 */
export class Session {
  readonly #node: Node;
  readonly #identity: Identity;
  readonly #log: Log;
  readonly #link: Link;
  readonly #inbound: InboundCalls;
  readonly #calls = new Map<number, OpenCall>();
  readonly #replies: Replies = {
    passed: (id, path) => this.#send(id, pathFrame(path)),
    answered: (id, payload) => {
      this.#ended(id);
      if (this.#hasRoom(payload.length)) this.#send(id, { case: 'answer', value: { payload } });
      else this.#send(id, { case: 'fault', value: faultOf(noRoom(payload.length)) });
    },
    failed: (id, error, wasCancelled) => {
      this.#ended(id);
      // Also after a cancel: by this the client knows that the id is free.
      if (!this.#released) this.#send(id, { case: 'fault', value: faultOf(wasCancelled ? left() : error) });
    },
  };
  readonly #helloTimer: NodeJS.Timeout;
  #unreadTimer: NodeJS.Timeout | undefined;
  readonly #gone = Promise.withResolvers<void>();
  readonly #idle = Promise.withResolvers<void>();
  #greeted = false;
  #refusal: PeerdError | undefined;
  #isTurnedAway = false;
  #paused = false;
  /** It did not read: what is still said to it, until its socket has closed, is for nobody. */
  #isCut = false;
  #released = false;
  readonly #refusals: Refusals;
  readonly #id: number;
  readonly #sinceMs: number = performance.now();
  #program = '';
  #missed = 0;

  /** `id`: which client of this daemon it is. */
  constructor(socket: Socket, node: Node, identity: Identity, log: Log, refusals: Refusals, id: number) {
    this.#refusals = refusals;
    this.#id = id;
    this.#node = node;
    this.#identity = identity;
    this.#log = log;
    this.#inbound = new InboundCalls(
      (id, body) => this.#send(id, body),
      (error) => this.#invalid(error),
      (bytes) => this.#hasRoom(bytes),
    );
    const events: LinkEvents = {
      frame: (bytes, start, end) => this.#frame(bytes, start, end),
      invalid: (error) => this.#invalid(error),
      ended: () => {
        this.#release();
        void this.#idle.promise.then(() => this.#link.end());
      },
      closed: () => {
        this.#release();
        void this.#idle.promise.then(() => this.#gone.resolve());
      },
    };
    this.#link = Link.over(socket, events, refusals.partial);
    this.#helloTimer = setTimeout(
      () => this.end(new PeerdError('timeout', `no hello came within ${helloTimeoutMs} ms`)),
      helloTimeoutMs,
    );
  }

  /** Resolves when the connection is closed and all that hung on it is released. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** What `top` shows of it, once it has greeted. */
  get info(): ClientInfo | undefined {
    if (!this.#greeted || this.#released) return undefined;
    let handlers = 0;
    let subscriptions = 0;
    for (const call of this.#calls.values())
      if (call instanceof CommandCall) {
        if (call.command === 'handle') handlers += 1;
        if (call.command === 'subscribe') subscriptions += 1;
      }
    return {
      id: this.#id,
      program: this.#program,
      connectedMs: Math.round(performance.now() - this.#sinceMs),
      calls: this.#calls.size,
      handlers,
      subscriptions,
      inbound: this.#inbound.size,
      unsentBytes: this.#link.unsentBytes,
      isPaused: this.#paused,
      missed: this.#missed,
    };
  }

  /** Tells the client why, and closes the connection. */
  end(reason: PeerdError): void {
    this.#link.endNow(() => this.#send(0, { case: 'fault', value: faultOf(reason) }));
  }

  /** Tells the client that the end is near, so that it asks for nothing more. */
  warn(): void {
    if (this.#greeted) this.#send(0, { case: 'stopping', value: {} });
  }

  /**
   * As `end`, once the client has said hello: before that it might be lost while the client still writes. One that wants to
   * hear of the end of this daemon stays.
   */
  refuse(reason: PeerdError): void {
    this.#refusal = reason;
  }

  /** As `refuse`, whatever the client wants. */
  turnAway(reason: PeerdError): void {
    this.#refusal = reason;
    this.#isTurnedAway = true;
  }

  #frame(bytes: Uint8Array, start: number, end: number): void {
    let frame: ClientFrame;
    try {
      frame = decodeClientFrame(bytes, start, end);
    } catch (error) {
      this.#invalid(PeerdError.from(error));
      return;
    }
    const { call, body } = frame;
    if (!this.#greeted) this.#greet(body);
    else if (body.case === 'cancel') this.#calls.get(call)?.cancel();
    else if (body.case === 'took') this.#calls.get(call)?.taken(body.value.cost);
    else if (body.case === 'answer' || body.case === 'done' || body.case === 'fault')
      this.#inbound.receive(call, body);
    else this.#start(call, body);
  }

  #invalid(error: PeerdError): void {
    this.#log.warn(`a program on the control socket was disconnected: ${error.message}`);
    this.end(error);
  }

  #greet(body: ClientFrame['body']): void {
    if (body.case !== 'hello') {
      this.#invalid(new PeerdError('invalid', 'the first frame has to be a hello'));
      return;
    }
    clearTimeout(this.#helloTimer);
    const { versions, program, whileStopping } = body.value;
    if (this.#refusal !== undefined && (this.#isTurnedAway || !whileStopping)) {
      this.end(this.#refusal);
      return;
    }
    this.#program = program;
    this.#inbound.program = program;
    const version = controlVersions.find((ours) => versions.includes(ours)) ?? 0;
    const { version: daemonVersion, ...identity } = this.#identity;
    const value = { version, versions: [...controlVersions], daemonVersion, ...identity };
    this.#send(0, { case: 'welcome', value });
    if (version !== 0) {
      this.#greeted = true;
      if (this.#refusal !== undefined) this.warn();
    } else {
      this.#log.warn(
        `${program} speaks versions ${versions.join(', ')} of the control protocol, none of ours`,
      );
      this.#link.endNow();
    }
  }

  #start(id: number, body: ClientFrame['body']): void {
    if (id === 0 || this.#calls.has(id)) {
      this.#invalid(new PeerdError('invalid', `call id ${id} is ${id === 0 ? 'reserved' : 'in use'}`));
      return;
    }
    if (this.#calls.size >= maxOpenCalls) {
      this.#refusals.calls += 1;
      const error = new PeerdError(
        'busy',
        `this client has ${maxOpenCalls} calls open: let some settle first`,
      );
      this.#send(id, { case: 'fault', value: faultOf(error) });
      return;
    }
    if (body.case === 'request' && !body.value.stream) {
      const call = new RequestCall(id, this.#node.client, this.#replies);
      this.#calls.set(id, call);
      call.start(body.value);
      return;
    }
    const command = new CommandCall(body.case, {
      id,
      node: this.#node,
      inbound: this.#inbound,
      send: (answer) => {
        if (answer.case === 'message' || answer.case === 'event') this.#missed += answer.value.missed ?? 0;
        this.#send(id, answer);
      },
      isLost: () => this.#released,
      room: () => this.#link.room(),
    });
    this.#calls.set(id, command);
    void this.#run(id, command, body);
  }

  async #run(id: number, { call }: CommandCall, body: ClientFrame['body']): Promise<void> {
    try {
      await runCommand(call, body);
      this.#ended(id);
    } catch (error) {
      this.#replies.failed(id, error, call.signal.aborted);
    }
  }

  #ended(id: number): void {
    this.#calls.delete(id);
    if (this.#released && this.#calls.size === 0) this.#idle.resolve();
  }

  #send(id: number, body: ServerBody): void {
    if (this.#isCut) return;
    try {
      sendServerFrame(this.#link, id, body);
    } catch (error) {
      sendServerFrame(this.#link, id, { case: 'fault', value: faultOf(error) });
    }
    if (this.#link.congested && !this.#paused) {
      // What it asks next would only add to what it doesn't read.
      this.#paused = true;
      this.#link.pause();
      void this.#link.room().then(() => {
        this.#paused = false;
        this.#link.resume();
      });
    }
  }

  /** Whether a payload may wait for the client. When one may not, a client that reads nothing at all is cut off. */
  #hasRoom(bytes: number): boolean {
    if (this.#link.unsentBytes + bytes <= maxUnsentBytes) return true;
    this.#refusals.unread += 1;
    if (this.#unreadTimer === undefined) this.#watchReading();
    return false;
  }

  #watchReading(): void {
    const before = this.#link.drains;
    this.#unreadTimer = setTimeout(() => {
      this.#unreadTimer = undefined;
      if (!this.#link.congested) return;
      if (this.#link.drains > before) return this.#watchReading();
      this.#isCut = true;
      const message = `a program on the control socket (${this.#program}) reads nothing: ${this.#link.unsentBytes} bytes have waited for it for ${unreadTimeoutMs / 1_000} s`;
      this.#log.warn(message);
      this.#link.destroy(new PeerdError('busy', message));
    }, unreadTimeoutMs);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    clearTimeout(this.#helloTimer);
    clearTimeout(this.#unreadTimer);
    this.#inbound.failAll(
      new PeerdError('disconnected', 'the program that answers this service left before it had answered'),
    );
    for (const call of [...this.#calls.values()]) call.cancel();
    if (this.#calls.size === 0) this.#idle.resolve();
  }
}

function noRoom(bytes: number): PeerdError {
  return new PeerdError(
    'busy',
    `the answer of ${bytes} bytes came, and had no room: ${maxUnsentBytes} bytes wait for this program. Read faster, or ask for ` +
      'less at a time',
  );
}

function left(): PeerdError {
  return new PeerdError('stopped', 'the client cancelled the call or left');
}
