import process from 'node:process';
import { type InboundRequest, PeerdError, type RequestHandler } from '@peerd/protocol';
import { faultOf, type Inbound, SendWindow } from '@peerd/protocol/control';
import type { Calls } from './calls.ts';
import type { InFlight } from './events.ts';

/** Told of every error of a handler that the caller does not get to see. */
export type HandlerErrorListener = (error: unknown, request: InboundRequest) => void;

function warn(error: unknown, request: InboundRequest): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`the handler of service ${JSON.stringify(request.service)} failed: ${text}`);
}

interface Running {
  inbound: Inbound;
  controller: AbortController;
  window: SendWindow;
}

const expected = 'a handler has to answer with a Uint8Array or an async iterable of them';

function isAsyncIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
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
    const running = { inbound, controller: new AbortController(), window: new SendWindow() };
    this.#running.set(id, running);
    void this.#run(id, handler, running);
  }

  cancel(id: number): void {
    const running = this.#running.get(id);
    if (running !== undefined)
      this.#abort(id, running, new PeerdError('stopped', 'the caller cancelled, timed out or disconnected'));
  }

  taken(id: number, cost: number): void {
    this.#running.get(id)?.window.taken(cost);
  }

  /** What handlers have in hand. */
  inFlight(): InFlight[] {
    return [...this.#running.values()].map(({ inbound: { peer, service } }) => ({
      kind: 'handler',
      peer,
      service,
      again: false,
    }));
  }

  cancelAll(error: PeerdError): void {
    this.#handlers.clear();
    for (const [id, running] of [...this.#running]) this.#abort(id, running, error);
  }

  #abort(id: number, running: Running, reason: PeerdError): void {
    this.#running.delete(id);
    running.controller.abort(reason);
    running.window.close();
  }

  async #run(id: number, handler: RequestHandler, { inbound, controller, window }: Running): Promise<void> {
    const request: InboundRequest = {
      peer: inbound.peer,
      peerName: inbound.peerName,
      service: inbound.service,
      payload: inbound.payload,
      signal: controller.signal,
    };
    try {
      const outcome = await handler(request);
      if (outcome instanceof Uint8Array)
        this.#reply(id, { case: 'answer', value: { payload: outcome, last: true } });
      else {
        if (!isAsyncIterable(outcome)) throw new TypeError(expected);
        for await (const payload of outcome) {
          if (!(payload instanceof Uint8Array)) throw new TypeError(expected);
          await window.room();
          if (controller.signal.aborted) break;
          window.sent(payload);
          this.#reply(id, { case: 'answer', value: { payload } });
        }
        this.#reply(id, { case: 'done', value: {} });
      }
    } catch (error) {
      // The text of an error that the handler did not mean for the caller may tell too much.
      const refused = error instanceof PeerdError && error.code === 'refused';
      if (!refused && !controller.signal.aborted) this.#failed(error, request);
      const meant = refused ? error : new PeerdError('internal', 'the handler failed');
      this.#reply(id, { case: 'fault', value: faultOf(meant) });
    }
    this.#running.delete(id);
  }

  #reply(id: number, body: Parameters<Calls['send']>[1]): void {
    if (!this.#running.has(id)) return;
    try {
      this.#calls.send(id, body);
    } catch (error) {
      this.#calls.send(id, { case: 'fault', value: faultOf(error) });
      this.#running.get(id)?.window.close();
      this.#running.delete(id);
    }
  }
}
