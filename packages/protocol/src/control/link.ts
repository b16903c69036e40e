import type { Socket } from 'node:net';
import { PeerdError } from '../errors.ts';
import { FrameDecoder, frameHeader, headerBytes } from './framing.ts';
import { congestedBytes } from './limits.ts';

/** Up to here the frames of a turn are copied into one buffer; beyond, copying costs more than it saves. */
const copyBytes = 256 * 1024;

/** Time for the other side to read the last words. A local program that reads at all needs a moment. */
const lingerMs = 1_000;

export interface LinkEvents {
  frame(body: Uint8Array): void;
  /** What came in is not the protocol. Nothing more is read; the link is still there to say so. */
  invalid(error: PeerdError): void;
  /** The other side will send nothing more. */
  ended(): void;
  /** Always the last event, and always comes. */
  closed(cause: Error | undefined): void;
}

/**
 * Frames over a socket. All frames that are sent in one turn of the event loop go out in one write, which is
 * what makes many small calls fast. While the socket's buffer is full they wait here.
 */
export class Link {
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  readonly #decoder = new FrameDecoder();
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing = false;
  #draining = false;
  #ending = false;
  #invalid = false;
  #cause: Error | undefined;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('end', () => events.ended());
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => {
      this.#cause ??= error;
    });
    socket.on('close', () => {
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#wakeAll();
      events.closed(this.#cause);
    });
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  get congested(): boolean {
    return this.unsentBytes > congestedBytes;
  }

  /** Resolves when the link is not congested, or gone. */
  async room(): Promise<void> {
    while (this.congested && !this.#socket.destroyed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  /** Queues one frame; on a link that has ended it does nothing. Fails with `too-large` over the frame limit. */
  send(body: Uint8Array): void {
    if (this.#ending || this.#socket.destroyed) return;
    this.#queue.push(frameHeader(body), body);
    this.#queuedBytes += headerBytes + body.length;
    if (this.#flushing || this.#draining) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#invalid) this.#socket.resume();
  }

  /** Sends what is queued and says that nothing follows. */
  end(): void {
    if (this.#ending) return;
    this.#flushQueue();
    this.#ending = true;
    this.#socket.end();
  }

  /** Sends what is queued and closes, without waiting for the other side to end; it has a second to read that. */
  endNow(): void {
    this.end();
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  destroy(cause?: Error): void {
    this.#cause ??= cause;
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#invalid) return;
    let frames: Uint8Array[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      this.#invalid = true;
      this.#events.invalid(PeerdError.from(error));
      return;
    }
    for (const frame of frames) {
      this.#events.frame(frame);
      if (this.#ending || this.#socket.destroyed) return;
    }
  }

  #flush(): void {
    this.#flushing = false;
    if (!this.#draining && !this.#ending) this.#flushQueue();
  }

  #flushQueue(): void {
    if (this.#queue.length === 0 || this.#socket.destroyed) return;
    const queue = this.#queue;
    const bytes = this.#queuedBytes;
    this.#queue = [];
    this.#queuedBytes = 0;
    let taken: boolean;
    if (bytes <= copyBytes) taken = this.#socket.write(Buffer.concat(queue, bytes));
    else {
      this.#socket.cork();
      for (const part of queue) this.#socket.write(part);
      this.#socket.uncork();
      taken = !this.#socket.writableNeedDrain;
    }
    this.#draining = !taken;
  }

  #drained(): void {
    this.#draining = false;
    if (!this.#ending) this.#flushQueue();
    if (!this.congested) this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
