import process from 'node:process';
import { type InboundRequest, PeerdError, type RequestHandler } from '@peerd/protocol';
import { type ClientBody, faultOf, type Inbound, SendWindow } from '@peerd/protocol/control';
import type { Calls } from './calls.ts';
import type { InFlight } from './events.ts';

/** Told of every error of a handler that the caller does not get to see. */
export type HandlerErrorListener = (error: unknown, request: InboundRequest) => void;

function warn(error: unknown, request: InboundRequest): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`the handler of service ${JSON.stringify(request.service)} failed: ${text}`);
}

/** A request that a handler has in hand. */
class Running implements InboundRequest {
  readonly id: number;
  readonly peer: string;
  readonly peerName: string | undefined;
  readonly service: string;
  readonly payload: Uint8Array;
  /** Of a stream of answers. */
  window: SendWindow | undefined;
  #controller: AbortController | undefined;
  #reason: PeerdError | undefined;

  constructor(id: number, { peer, peerName, service, payload }: Inbound) {
    this.id = id;
    this.peer = peer;
    this.peerName = peerName;
    this.service = service;
    this.payload = payload;
  }

  /** Made when it is asked for: most handlers never look, and it costs more than all the rest of a request. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get isAborted(): boolean {
    return this.#reason !== undefined;
  }

  abort(reason: PeerdError): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.window?.close();
  }
}

const expected = 'a handler has to answer with a Uint8Array or an async iterable of them';

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Runs this client's handlers for the requests that the daemon passes on, and sends the outcomes back. */
export class InboundRequests {
  readonly #calls: Calls;
  /** By the call id of the registration. */
  readonly #handlers = new Map<number, RequestHandler>();
  /** By the daemon's id of the request. */
  readonly #running = new Map<number, Running>();

  readonly #failed: HandlerErrorListener;

  constructor(calls: Calls, failed: HandlerErrorListener = warn) {
    this.#calls = calls;
    this.#failed = failed;
  }

  register(handle: number, handler: RequestHandler): void {
    this.#handlers.set(handle, handler);
  }

  unregister(handle: number): void {
    this.#handlers.delete(handle);
  }

  start(id: number, inbound: Inbound): void {
    const handler = this.#handlers.get(inbound.handle);
    if (handler === undefined) {
      const error = new PeerdError('no-handler', 'the handler was just closed');
      this.#calls.send(id, { case: 'fault', value: faultOf(error) });
      return;
    }
    const running = new Running(id, inbound);
    this.#running.set(id, running);
    try {
      const outcome: unknown = handler(running);
      if (isThenable(outcome))
        Promise.resolve(outcome).then(
          (settled) => this.#settle(running, settled),
          (error) => this.#fail(running, error),
        );
      else this.#settle(running, outcome);
    } catch (error) {
      this.#fail(running, error);
    }
  }

  cancel(id: number): void {
    const running = this.#running.get(id);
    if (running !== undefined)
      this.#abort(running, new PeerdError('stopped', 'the caller cancelled, timed out or disconnected'));
  }

  taken(id: number, cost: number): void {
    this.#running.get(id)?.window?.taken(cost);
  }

  /** What handlers have in hand. */
  inFlight(): InFlight[] {
    return [...this.#running.values()].map(({ peer, service }) => ({
      kind: 'handler',
      peer,
      service,
      again: false,
    }));
  }

  cancelAll(error: PeerdError): void {
    this.#handlers.clear();
    for (const running of [...this.#running.values()]) this.#abort(running, error);
  }

  #abort(running: Running, reason: PeerdError): void {
    this.#running.delete(running.id);
    running.abort(reason);
  }

  #settle(running: Running, outcome: unknown): void {
    if (outcome instanceof Uint8Array)
      this.#end(running, { case: 'answer', value: { payload: outcome, last: true } });
    else if (isAsyncIterable(outcome)) void this.#stream(running, outcome);
    else this.#fail(running, new TypeError(expected));
  }

  async #stream(running: Running, answers: AsyncIterable<unknown>): Promise<void> {
    const window = new SendWindow();
    running.window = window;
    if (running.isAborted) window.close();
    try {
      for await (const payload of answers) {
        if (!(payload instanceof Uint8Array)) throw new TypeError(expected);
        await window.room();
        if (running.isAborted) break;
        window.sent(payload);
        if (!this.#send(running, { case: 'answer', value: { payload } })) break;
      }
      this.#end(running, { case: 'done', value: {} });
    } catch (error) {
      this.#fail(running, error);
    }
  }

  #fail(running: Running, error: unknown): void {
    // The text of an error that the handler did not mean for the caller may tell too much.
    const refused = error instanceof PeerdError && error.code === 'refused';
    if (!refused && !running.isAborted) this.#failed(error, running);
    const meant = refused ? error : new PeerdError('internal', 'the handler failed');
    this.#end(running, { case: 'fault', value: faultOf(meant) });
  }

  /** Sends the last that there is to say, unless nobody waits for it. */
  #end(running: Running, body: ClientBody): void {
    this.#send(running, body);
    this.#running.delete(running.id);
  }

  /** False: nobody waits for it, or it could not be sent, which the caller was told then. */
  #send({ id }: Running, body: ClientBody): boolean {
    if (!this.#running.has(id)) return false;
    try {
      this.#calls.send(id, body);
      return true;
    } catch (error) {
      this.#running.delete(id);
      this.#calls.send(id, { case: 'fault', value: faultOf(error) });
      return false;
    }
  }
}
