import { MessageQueue, PeerdError } from '@peerd/protocol';
import { Responder } from './channel/responder.ts';
import { Table } from './channel/table.ts';
import type { Answer, CallHandler, InboundCall } from './direct.ts';
import type { Log } from './log.ts';
import { MAX_REASON_BYTES, type ResetCode, resetCodes } from './request/frames.ts';
import type { EventHandler } from './server/handler.ts';
import type { Drivers, Effect, Event } from './server/messages.ts';

type Run = Extract<Effect, { type: 'service/run' }>;

/** Broadcasts that wait for a handler that is still busy with one. */
const MAX_QUEUED_BROADCASTS = 1_024;

/** The subscription through which the event handler hears its topics. */
export const HANDLER_SUBSCRIPTION = 0;

/** Where an inbound call ends: the dispatcher, as its calls see it. */
interface Outcomes {
  answered(call: Inbound, answer: unknown): void;
  refused(call: Inbound, error: unknown): void;
  returned(call: Inbound): void;
}

class Inbound implements InboundCall {
  readonly key: number;
  /** Whose handler takes it. */
  readonly registration: number;
  readonly peer: string;
  readonly peerName: string | undefined;
  readonly service: string;
  readonly payload: Uint8Array;
  program: string | undefined;
  onAbort: ((reason: PeerdError) => void) | undefined;
  isSettled = false;
  readonly #outcomes: Outcomes;
  #abort: AbortController | undefined;

  constructor({ registration, request }: Run, outcomes: Outcomes) {
    this.key = request.key;
    this.registration = registration;
    this.peer = request.peer;
    this.peerName = request.peerName;
    this.service = request.service;
    this.payload = request.payload;
    this.#outcomes = outcomes;
  }

  /** Made when it is asked for: most handlers never look. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  resolve(answer: Answer): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#outcomes.answered(this, answer);
  }

  reject(error: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#outcomes.refused(this, error);
  }

  giveBack(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#outcomes.returned(this);
  }

  abort(reason: string): void {
    const error = new PeerdError('disconnected', reason);
    this.#abort ??= new AbortController();
    this.#abort.abort(error);
    this.onAbort?.(error);
  }
}

/**
 * Calls the handler that a request was given to, outside the loop: after the turn that brought the request, never
 * within it. What the handler does or fails to do comes back as an event.
 */
export class Dispatcher {
  readonly effects: Pick<Drivers, 'service/run' | 'service/abort'>;
  /** By registration. One that is gone from here gets no more requests, whatever the loop has yet to hear. */
  readonly handlers: Map<number, CallHandler> = new Map();
  /** Hears the broadcasts. */
  eventHandler: EventHandler | undefined;
  readonly broadcasts: MessageQueue = new MessageQueue(MAX_QUEUED_BROADCASTS);
  readonly #post: (event: Event) => void;
  readonly #log: Log;
  /** Requests of this turn. */
  #batch: Inbound[] = [];
  /** Requests that wait for a handler to be called or to answer. */
  readonly #running = new Table<Inbound>();
  readonly #outcomes: Outcomes = {
    answered: ({ key }, answer) => {
      if (answer instanceof Uint8Array) {
        if (this.#running.delete(key))
          this.#post({ type: 'request/answer', key, payload: answer, end: true });
      } else if (isAsyncIterable(answer)) void this.#stream(key, answer);
      else this.#refuse(key, new TypeError('a handler answers with bytes or an async iterable of bytes'));
    },
    refused: ({ key }, error) => this.#refuse(key, error),
    returned: (call) => {
      // A handler that is still there, and takes nothing, would get it again and again.
      if (this.handlers.has(call.registration))
        this.#refuse(call.key, new PeerdError('no-handler', 'the handler did not take it'));
      else if (this.#running.has(call.key)) this.#return(call);
    },
  };

  constructor(post: (event: Event) => void, log: Log) {
    this.#post = post;
    this.#log = log;
    this.effects = {
      'service/run': (run) => {
        const call = new Inbound(run, this.#outcomes);
        this.#running.set(call.key, call);
        if (this.#batch.push(call) === 1) queueMicrotask(() => this.#runBatch());
      },
      'service/abort': ({ key, reason }) => {
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
        await this.eventHandler?.handleBroadcast(message);
      } catch (error) {
        this.#log.warn(`the handler of broadcasts failed: ${(error as Error).message}`, {
          area: 'broadcast',
          topic: message.topic,
        });
      }
  }

  #runBatch(): void {
    const batch = this.#batch;
    this.#batch = [];
    // A request that was cancelled in the turn that brought it needs no handler.
    for (const call of batch) if (this.#running.has(call.key)) this.#run(call);
  }

  #run(call: Inbound): void {
    const handler = this.handlers.get(call.registration);
    if (handler === undefined) return this.#return(call);
    try {
      handler(call);
    } catch (error) {
      call.reject(error);
    }
  }

  /** Its handler has just left: another may take it. */
  #return({ key, peer, peerName, service, payload }: Inbound): void {
    this.#running.delete(key);
    this.#post({ type: 'service/returned', key, peer, peerName, service, payload });
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
    // It was called off, and so told to end: nobody is there to be told how.
    const call = this.#running.get(key);
    if (call === undefined) return;
    this.#running.delete(key);
    const { code, reason } = refusalOf(error);
    if (code === 'internal') this.#tellFailure(call, error);
    this.#post({ type: 'request/refuse', key, code, reason });
  }

  #tellFailure({ peer, peerName, service, program }: Inbound, error: unknown): void {
    const handler =
      service === '' ? 'the handler of requests without a service' : `the handler of ${service}`;
    const caller = peerName === undefined ? peer : `${peerName} (${peer})`;
    const where = program === undefined ? '' : `, in ${program}`;
    const why = String((error as Error)?.message ?? error);
    this.#log.error(`${handler} failed on a request of ${caller}${where}: ${why}`, {
      area: 'request',
      service,
      peer,
      ...(peerName === undefined ? {} : { peerName }),
      ...(program === undefined ? {} : { program }),
    });
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
