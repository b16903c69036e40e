import type { BroadcastMessage } from './client.ts';

/** Bytes kept for a reader that is behind, whatever the number of messages: four of the largest. */
export const maxQueuedMessageBytes: number = 64 * 1024 * 1024;

/** What says how many before it were lost. */
interface Countable {
  readonly missed?: number | undefined;
}

interface Reader<Message> {
  resolve(message: Message | undefined): void;
  reject(failure: unknown): void;
}

/**
 * Messages for one reader, who takes them at its own pace. When it is full the oldest is lost, and the next that is
 * taken says how many were.
 */
export class MessageQueue<Message extends Countable = BroadcastMessage> {
  readonly #maxMessages: number;
  readonly #bytesOf: (message: Message) => number;
  #messages: Message[] = [];
  /** Where the oldest message is; what was before it has been taken. */
  #head = 0;
  #bytes = 0;
  /** Lost here since the last that was taken; undefined when that can't be known. */
  #missed: number | undefined = 0;
  /** Lost on the way here, before the next that comes. */
  #gap: number | undefined = 0;
  #ended = false;
  #failure: unknown;
  #readers: Reader<Message>[] = [];
  #lost = 0;

  /** `bytesOf`: what a message counts for. Default: its payload. */
  constructor(maxMessages: number, bytesOf: (message: Message) => number = payloadBytes) {
    this.#maxMessages = maxMessages;
    this.#bytesOf = bytesOf;
  }

  /** Messages that wait to be taken. */
  get size(): number {
    return this.#messages.length - this.#head;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get maxMessages(): number {
    return this.#maxMessages;
  }

  /** Messages that were lost here, since the start. */
  get lost(): number {
    return this.#lost;
  }

  push(arrived: Message): void {
    if (this.#ended) return;
    const message = withMissed(arrived, this.#gap);
    this.#gap = 0;
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader.resolve(this.#counted(message));
    this.#messages.push(message);
    this.#bytes += this.#bytesOf(message);
    while (this.size > this.#maxMessages || (this.#bytes > maxQueuedMessageBytes && this.size > 1)) {
      this.#lost += 1;
      this.#missed = sum(this.#missed, sum(this.#shift().missed, 1));
    }
  }

  /** So many were lost on the way here, an unknown number if undefined: the next message that comes says so. */
  miss(count: number | undefined): void {
    this.#gap = sum(this.#gap, count);
  }

  /** The next message; `undefined` at the end. Fails with what the queue ended with, once. */
  async take(): Promise<Message | undefined> {
    if (this.size > 0) return this.#counted(this.#shift());
    if (!this.#ended) return await new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Nothing more comes. What is queued can still be taken; then readers come to the end, or get the failure. */
  end(failure?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const [first, ...others] = this.#readers;
    this.#readers = [];
    if (failure === undefined) first?.resolve(undefined);
    else if (first === undefined) this.#failure = failure;
    else first.reject(failure);
    for (const reader of others) reader.resolve(undefined);
  }

  /** Ends, and drops what is queued: nobody wants it any more. */
  close(): void {
    this.end();
    this.#failure = undefined;
    this.#messages = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #shift(): Message {
    const message = this.#messages[this.#head] as Message;
    this.#head += 1;
    this.#bytes -= this.#bytesOf(message);
    // Copying half of it each time it has halved costs one copy per message, and frees what was taken.
    if (this.#head * 2 >= this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  #counted(message: Message): Message {
    const missed = this.#missed;
    this.#missed = 0;
    return withMissed(message, missed);
  }
}

function payloadBytes(message: Countable & { readonly payload?: Uint8Array }): number {
  return message.payload?.length ?? 0;
}

function withMissed<Message extends Countable>(message: Message, more: number | undefined): Message {
  return more === 0 ? message : { ...message, missed: sum(message.missed, more) };
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}
