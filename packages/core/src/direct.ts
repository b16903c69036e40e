import type {
  Client,
  HandleOptions,
  InboundRequest,
  PeerdError,
  PeerRef,
  Registration,
  RequestHandler,
} from '@peerd/protocol';
import type { Settler } from './channel/responder.ts';

/** What a handler answers with. */
export type Answer = Uint8Array | AsyncIterable<Uint8Array>;

/** A request of a peer, and where its outcome goes: `resolve` or `reject` is called once. Later calls do nothing. */
export interface InboundCall extends InboundRequest, Settler<Answer> {
  /** Called when nobody waits for the outcome any more; cheaper than a listener on `signal`. */
  onAbort: ((reason: PeerdError) => void) | undefined;
  /** What the program of the handler is called, for the log; undefined: it is this one. */
  program?: string | undefined;
  /** Instead of the two: the handler left before it took the call, which another may take; the caller else hears `no-handler`. */
  giveBack(): void;
}

/** A handler that settles its call, now or later. What it throws rejects the call. */
export type CallHandler = (call: InboundCall) => void;

export interface AskOptions {
  service?: string | undefined;
  timeoutMs?: number | undefined;
  idempotent?: boolean | undefined;
  /** Settled before the answer is: rejected when the call fails. What is said of `answer` in `ask` is true of it. */
  path?: Settler<readonly PeerRef[]> | undefined;
}

/**
 * The client in the process of its server. Beside the interface for programs it has one without a promise, a signal
 * or a closure for each call: what a daemon passes on, it passes on in this way.
 */
export interface DirectClient extends Client {
  /**
   * `request` that settles `answer`, within a turn of the server's loop: `answer` has to be brief and must not throw.
   * Returns what `cancel` takes. Throws, with `answer` untouched, what is wrong with the call itself, and `busy`.
   */
  ask(peer: string, payload: Uint8Array, options: AskOptions, answer: Settler<Uint8Array>): number;

  /** Calls an `ask` off: it is rejected with `stopped`, unless it has been settled by then. */
  cancel(ask: number): void;

  /** `handle` with a handler that settles its calls by itself. */
  serve(service: string, handler: CallHandler, options?: HandleOptions): Promise<Registration>;
}

/** The handler of a program as one that settles its calls. */
export function settling(handler: RequestHandler): CallHandler {
  return (call) => {
    const answer: unknown = handler(call);
    if (isThenable(answer))
      Promise.resolve(answer).then(
        (settled) => call.resolve(settled as Answer),
        (error) => call.reject(error),
      );
    else call.resolve(answer as Answer);
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
