import { PeerdError } from '@peerd/protocol';
import {
  type ClientBody,
  type Link,
  maxUnsentBytes,
  type ServerFrame,
  sendClientFrame,
} from '@peerd/protocol/control';
import type { InFlight } from './events.ts';

const maxCallId = 0xffff_ffff;

/** What is waiting for frames of one call. */
export interface OpenCall {
  /** For the case that the connection is lost; undefined for what is restored. */
  readonly about?: InFlight | undefined;
  /** Returns whether the call goes on. */
  frame(body: ServerFrame['body']): boolean;
  /** The call is over: its own failure, or that of the connection. */
  failed(error: PeerdError): void;
}

/** The calls of one connection, by id. Every one of them ends: by a frame, by `drop` or by `failAll`. */
export class Calls {
  readonly #link: Link;
  readonly #open = new Map<number, OpenCall>();
  #lastId = 0;
  #ended: PeerdError | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Why no more calls can be made; undefined while they can. */
  get ended(): PeerdError | undefined {
    return this.#ended;
  }

  /** Sends a command. Throws when it can't be sent: the connection has ended, or its queue is full. */
  open(body: ClientBody, call: OpenCall): number {
    if (this.#ended !== undefined) throw new PeerdError(this.#ended.code, this.#ended.message);
    if (this.#link.unsentBytes > maxUnsentBytes)
      throw new PeerdError(
        'busy',
        `more than ${maxUnsentBytes} bytes wait for the daemon to read them: call again when some calls have settled`,
      );
    const id = this.#freeId();
    this.#sendFirst(id, body);
    this.#open.set(id, call);
    return id;
  }

  /** Sends a frame about an open call or an inbound request. */
  send(id: number, body: ClientBody): void {
    sendClientFrame(this.#link, id, body);
  }

  /** Nobody waits for this call any more; the daemon is told to end it. */
  cancel(id: number): void {
    if (this.#open.delete(id)) this.send(id, { case: 'cancel', value: {} });
  }

  /** What is open, but for what is restored. */
  inFlight(): InFlight[] {
    return [...this.#open.values()].flatMap(({ about }) => about ?? []);
  }

  /** A frame for a call that has ended here is dropped: it crossed with the cancellation. */
  receive(frame: ServerFrame): void {
    const call = this.#open.get(frame.call);
    if (call !== undefined && !call.frame(frame.body)) this.#open.delete(frame.call);
  }

  failAll(error: PeerdError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    const calls = [...this.#open.values()];
    this.#open.clear();
    for (const call of calls) call.failed(new PeerdError(error.code, error.message, { cause: error.cause }));
  }

  #freeId(): number {
    do this.#lastId = this.#lastId === maxCallId ? 1 : this.#lastId + 1;
    while (this.#open.has(this.#lastId));
    return this.#lastId;
  }

  #sendFirst(id: number, body: ClientBody): void {
    try {
      this.send(id, body);
    } catch (cause) {
      if (cause instanceof PeerdError) throw cause;
      // What the types rule out, a program without them can still pass.
      throw new PeerdError('invalid', `the ${body.case} can't be sent: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}
