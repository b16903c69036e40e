import { type InboundRequest, PeerdError } from '@peerd/protocol';
import {
  AnswerStream,
  type ClientFrame,
  errorOf,
  type ServerBody,
  streamWindow,
} from '@peerd/protocol/control';

type Outcome = Uint8Array | AsyncIterable<Uint8Array>;

interface Open {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
  /** Once the client has begun a stream of answers. */
  stream: AnswerStream | undefined;
  /** Lets go of the caller's signal. */
  release(): void;
}

/** The requests that one client's handlers are working on. */
export class InboundCalls {
  readonly #send: (id: number, body: ServerBody) => void;
  readonly #invalid: (error: PeerdError) => void;
  readonly #open = new Map<number, Open>();
  #lastId = 0;

  /** `invalid` is called when the client does not keep to the protocol. */
  constructor(send: (id: number, body: ServerBody) => void, invalid: (error: PeerdError) => void) {
    this.#send = send;
    this.#invalid = invalid;
  }

  /** Passes a request on to the registration `handle` of this client. */
  ask(handle: number, request: InboundRequest): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const { signal } = request;
    if (signal.aborted) return Promise.reject(signal.reason);
    const id = this.#freeId();
    const cancelled = () => {
      this.#send(id, { case: 'cancel', value: {} });
      this.#fail(id, signal.reason);
    };
    signal.addEventListener('abort', cancelled, { once: true });
    const release = () => signal.removeEventListener('abort', cancelled);
    this.#open.set(id, { resolve, reject, stream: undefined, release });
    const { peer, peerName, service, payload } = request;
    const value = { handle, peer, service, payload, ...(peerName === undefined ? {} : { peerName }) };
    this.#send(id, { case: 'inbound', value });
    return promise;
  }

  /** A frame for a request that is over is dropped: it crossed with the cancellation. */
  receive(id: number, body: ClientFrame['body']): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (body.case === 'answer') {
      if (body.value.last) {
        this.#close(id, open);
        open.resolve(body.value.payload);
      } else if (!this.#stream(id, open).push(body.value.payload)) {
        this.#fail(id, new PeerdError('internal', 'the handler failed'));
        this.#invalid(
          new PeerdError('invalid', `more than ${streamWindow} bytes of answers were sent and not taken`),
        );
      }
    } else if (body.case === 'done') {
      const stream = this.#stream(id, open);
      this.#close(id, open);
      stream.end();
    } else if (body.case === 'fault') {
      const error = errorOf(body.value);
      // A handler can refuse; any other code of its would read as if this node had said so.
      const meant = error.code === 'refused' || error.code === 'no-handler';
      this.#fail(id, meant ? error : new PeerdError('internal', 'the handler failed'));
    }
  }

  failAll(error: PeerdError): void {
    for (const id of [...this.#open.keys()]) this.#fail(id, error);
  }

  #stream(id: number, open: Open): AnswerStream {
    if (open.stream === undefined) {
      open.stream = new AnswerStream({
        taken: (cost) => this.#send(id, { case: 'took', value: { cost } }),
        left: () => {
          this.#send(id, { case: 'cancel', value: {} });
          this.#close(id, open);
        },
      });
      open.resolve(open.stream);
    }
    return open.stream;
  }

  #fail(id: number, error: unknown): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#close(id, open);
    if (open.stream === undefined) open.reject(error);
    else open.stream.end(error);
  }

  #close(id: number, open: Open): void {
    this.#open.delete(id);
    open.release();
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1;
    while (this.#open.has(this.#lastId));
    return this.#lastId;
  }
}
