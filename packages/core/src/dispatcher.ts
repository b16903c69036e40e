import { type InboundRequest, PeerdError } from '@peerd/protocol';
import { MessageQueue } from './broadcast/queue.ts';
import { Responder } from './channel/responder.ts';
import { Table } from './channel/table.ts';
import type { Log } from './log.ts';
import { MAX_REASON_BYTES, type ResetCode, resetCodes } from './request/frames.ts';
import type { EventHandler } from './server/handler.ts';
import type { Drivers, Effect, Event } from './server/messages.ts';

type Dispatch = Extract<Effect, { type: 'request/dispatch' }>;

/** Broadcasts that wait for a handler that is still busy with one. */
const MAX_QUEUED_BROADCASTS = 1_024;

/** The subscription through which the event handler hears its topics. */
export const HANDLER_SUBSCRIPTION = 0;

class Inbound implements InboundRequest {
  readonly peer: string;
  readonly peerName: string | undefined;
  readonly service: string;
  readonly payload: Uint8Array;
  #abort: AbortController | undefined;

  constructor(dispatch: Dispatch) {
    this.peer = dispatch.peer;
    this.peerName = dispatch.peerName;
    this.service = dispatch.service;
    this.payload = dispatch.payload;
  }

  /** Made when it is asked for: most handlers never look. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  abort(reason: string): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(new PeerdError('disconnected', reason));
  }
}

/**
 * Calls the event handler, outside the loop: after the turn that brought the request, never within it. What
 * the handler does or fails to do comes back as an event.
 */
export class Dispatcher {
  readonly effects: Pick<Drivers, 'request/dispatch' | 'request/abort'>;
  handler: EventHandler | undefined;
  readonly broadcasts: MessageQueue = new MessageQueue(MAX_QUEUED_BROADCASTS);
  readonly #post: (event: Event) => void;
  readonly #log: Log;
  /** Requests of this turn. */
  #batch: { readonly key: number; readonly request: Inbound }[] = [];
  /** Requests that wait for a handler to be called or to answer. */
  readonly #running = new Table<Inbound>();

  constructor(post: (event: Event) => void, log: Log) {
    this.#post = post;
    this.#log = log;
    this.effects = {
      'request/dispatch': (dispatch) => {
        const { key } = dispatch;
        const request = new Inbound(dispatch);
        this.#running.set(key, request);
        if (this.#batch.push({ key, request }) === 1) queueMicrotask(() => this.#runBatch());
      },
      'request/abort': ({ key, reason }) => {
        this.#running.get(key)?.abort(reason);
        this.#running.delete(key);
      },
    };
  }

  /** Hands broadcasts to the handler, one at a time, until the queue is closed. */
  async runBroadcasts(): Promise<void> {
    for (
      let message = await this.broadcasts.take();
      message !== undefined;
      message = await this.broadcasts.take()
    )
      try {
        await this.handler?.handleBroadcast(message);
      } catch (error) {
        this.#log.warn(`the handler of broadcasts failed: ${(error as Error).message}`, {
          topic: message.topic,
        });
      }
  }

  #runBatch(): void {
    const batch = this.#batch;
    this.#batch = [];
    // A request that was cancelled in the turn that brought it needs no handler.
    for (const { key, request } of batch) if (this.#running.has(key)) this.#run(key, request);
  }

  #run(key: number, request: Inbound): void {
    if (this.handler === undefined) return this.#refuse(key, new PeerdError('no-handler', ''));
    try {
      const answer = this.handler.handleRequest(request);
      if (answer instanceof Uint8Array) this.#answer(key, answer);
      else if (answer instanceof Promise)
        answer.then(
          (settled) => this.#settled(key, settled),
          (error) => this.#refuse(key, error),
        );
      else this.#settled(key, answer);
    } catch (error) {
      this.#refuse(key, error);
    }
  }

  #settled(key: number, answer: unknown): void {
    if (answer instanceof Uint8Array) this.#answer(key, answer);
    else if (isAsyncIterable(answer)) void this.#stream(key, answer);
    else if (isThenable(answer))
      Promise.resolve(answer).then(
        (settled) => this.#settled(key, settled),
        (error) => this.#refuse(key, error),
      );
    else this.#refuse(key, new TypeError('a handler answers with bytes or an async iterable of bytes'));
  }

  #answer(key: number, payload: Uint8Array): void {
    if (this.#running.delete(key)) this.#post({ type: 'request/answer', key, payload, end: true });
  }

  /** Takes the next answer when the one before has gone out, so that a slow caller slows its source. */
  async #stream(key: number, answers: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const payload of answers) {
        if (!this.#running.has(key)) return;
        if (!(payload instanceof Uint8Array)) throw new TypeError('a handler answers with bytes');
        const accepted = new Responder<void>();
        this.#post({ type: 'request/answer', key, payload, end: false, accepted });
        await accepted.promise;
      }
      if (this.#running.delete(key)) this.#post({ type: 'request/answer-end', key });
    } catch (error) {
      this.#refuse(key, error);
    }
  }

  #refuse(key: number, error: unknown): void {
    this.#running.delete(key);
    const { code, reason } = refusalOf(error);
    if (code === 'internal')
      this.#log.error(`a request handler failed: ${String((error as Error)?.message ?? error)}`);
    this.#post({ type: 'request/refuse', key, code, reason });
  }
}

/** What the caller is told. A fault's message may hold what is not for strangers: it stays here, in the log. */
function refusalOf(error: unknown): { code: ResetCode; reason: string } {
  if (!(error instanceof PeerdError) || !(error.code in resetCodes))
    return { code: 'internal', reason: 'the handler failed' };
  const code = error.code as ResetCode;
  return { code, reason: code === 'internal' ? 'the handler failed' : cut(error.message) };
}

function cut(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  // A character that is cut in two decodes to one replacement character: three bytes at most.
  return bytes.subarray(0, MAX_REASON_BYTES - 3).toString();
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
