import type { InboundCall } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import {
  AnswerStream,
  type ClientFrame,
  errorOf,
  type ServerBody,
  streamWindow,
} from '@peerd/protocol/control';

interface Open {
  readonly call: InboundCall;
  /** Once the client has begun a stream of answers. */
  stream: AnswerStream | undefined;
}

/** The requests that one client's handlers are working on. */
export class InboundCalls {
  /** What the client calls itself. */
  program = '';
  readonly #send: (id: number, body: ServerBody) => void;
  readonly #invalid: (error: PeerdError) => void;
  readonly #hasRoom: (bytes: number) => boolean;
  readonly #open = new Map<number, Open>();
  #lastId = 0;
  #ended: PeerdError | undefined;

  /** `invalid` is called when the client does not keep to the protocol; `hasRoom` says whether it reads fast enough. */
  constructor(
    send: (id: number, body: ServerBody) => void,
    invalid: (error: PeerdError) => void,
    hasRoom: (bytes: number) => boolean,
  ) {
    this.#send = send;
    this.#invalid = invalid;
    this.#hasRoom = hasRoom;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Passes a request on to the registration `handle` of this client. */
  pass(handle: number, call: InboundCall): void {
    if (this.#ended !== undefined) return call.reject(this.#ended);
    if (!this.#hasRoom(call.payload.length))
      return call.reject(new PeerdError('busy', 'the program that answers this service reads too slowly'));
    const id = this.#freeId();
    this.#open.set(id, { call, stream: undefined });
    call.program = this.program;
    call.onAbort = (reason) => {
      if (!this.#open.has(id)) return;
      this.#send(id, { case: 'cancel', value: {} });
      this.#fail(id, reason);
    };
    const { peer, peerName, service, payload } = call;
    const value = { handle, peer, service, payload, ...(peerName === undefined ? {} : { peerName }) };
    this.#send(id, { case: 'inbound', value });
  }

  /** A frame for a request that is over is dropped: it crossed with the cancellation. */
  receive(id: number, body: ClientFrame['body']): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (body.case === 'answer') {
      const { payload, last } = body.value;
      if (last && open.stream === undefined) {
        this.#open.delete(id);
        open.call.resolve(payload);
        return;
      }
      const stream = this.#stream(id, open);
      if (!stream.push(payload)) {
        this.#fail(id, new PeerdError('internal', 'the handler failed'));
        this.#invalid(
          new PeerdError('invalid', `more than ${streamWindow} bytes of answers were sent and not taken`),
        );
      } else if (last) {
        this.#open.delete(id);
        stream.end();
      }
    } else if (body.case === 'done') {
      const stream = this.#stream(id, open);
      this.#open.delete(id);
      stream.end();
    } else if (body.case === 'fault') {
      const error = errorOf(body.value);
      if (error.code === 'no-handler' && open.stream === undefined) {
        // It crossed with the end of the registration.
        this.#open.delete(id);
        open.call.giveBack();
        return;
      }
      // A handler can refuse; any other code of its would read as if this node had said so.
      this.#fail(id, error.code === 'refused' ? error : new PeerdError('internal', 'the handler failed'));
    }
  }

  /** The client is gone: what it has in hand fails, and what still comes for it. */
  failAll(error: PeerdError): void {
    this.#ended = error;
    for (const id of [...this.#open.keys()]) this.#fail(id, error);
  }

  #stream(id: number, open: Open): AnswerStream {
    if (open.stream === undefined) {
      open.stream = new AnswerStream({
        taken: (cost) => this.#send(id, { case: 'took', value: { cost } }),
        left: () => {
          this.#send(id, { case: 'cancel', value: {} });
          this.#open.delete(id);
        },
      });
      open.call.resolve(open.stream);
    }
    return open.stream;
  }

  #fail(id: number, error: unknown): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    if (open.stream === undefined) open.call.reject(error);
    else open.stream.end(error);
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1;
    while (this.#open.has(this.#lastId));
    return this.#lastId;
  }
}
