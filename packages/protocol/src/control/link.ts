import { createConnection, type Socket } from 'node:net';
import { PeerdError } from '../errors.ts';
import type { FrameQuota } from './frame-quota.ts';
import { FrameDecoder } from './framing.ts';
import { congestedBytes, maxFrameBytes } from './limits.ts';
import type { FrameSink } from './messages.ts';
import { Outgoing } from './outgoing.ts';

/** Time for the other side to read the last words. A local program that reads at all needs a moment. */
const lingerMs = 1_000;

/**
 * One read of a client's socket: all that a local socket holds, in one call instead of four, and no buffer of 64 KiB to
 * be collected for each.
 */
const readBytes = 256 * 1024;

/** Read into by every link of the process, one read at a time. */
let readBuffer: Buffer | undefined;

export interface LinkEvents {
  /** A whole frame: the bytes from `start` to `end`. */
  frame(bytes: Uint8Array, start: number, end: number): void;
  /** What came in is not the protocol, or has no room. Nothing more is taken; the link is still there to say so. */
  invalid(error: PeerdError): void;
  /** The other side will send nothing more. */
  ended(): void;
  /** Always the last event, and always comes. */
  closed(cause: Error | undefined): void;
}

/**
 * Frames over a socket. All short frames that are sent in one turn of the event loop go out in one write, which is
 * what makes many small calls fast; long ones in parts, between which short ones find room. While the socket's buffer
 * is full they wait here.
 */
export class Link implements FrameSink {
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  readonly #decoder: FrameDecoder;
  readonly #take = (bytes: Uint8Array, start: number, end: number): void => {
    if (!this.#ending && !this.#socket.destroyed) this.#events.frame(bytes, start, end);
  };
  #outgoing: Outgoing = new Outgoing();
  #flushing = false;
  #draining = false;
  #drains = 0;
  #ending = false;
  #invalid = false;
  #cause: Error | undefined;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket, events: LinkEvents, quota?: FrameQuota) {
    this.#decoder = new FrameDecoder(maxFrameBytes, quota);
    this.#socket = socket;
    this.#events = events;
    socket.on('end', () => events.ended());
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => {
      this.#cause ??= error;
    });
    socket.on('close', () => {
      this.#outgoing = new Outgoing();
      this.#decoder.close();
      this.#wakeAll();
      events.closed(this.#cause);
    });
  }

  /** A link over a socket that was accepted; `quota` is shared with the others that were. */
  static over(socket: Socket, events: LinkEvents, quota?: FrameQuota): Link {
    const link = new Link(socket, events, quota);
    socket.on('data', (chunk: Uint8Array) => link.#receive(chunk, false));
    return link;
  }

  /** A link to whoever listens at `path`. */
  static to(path: string, events: LinkEvents): Link {
    readBuffer ??= Buffer.allocUnsafeSlow(readBytes);
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number, buffer: Uint8Array) => {
        link.#receive(buffer.subarray(0, bytes), true);
        return true;
      },
    };
    const link = new Link(createConnection({ path, onread }), events);
    return link;
  }

  /** How often the socket has taken what was written: it stands still when the other side does not read. */
  get drains(): number {
    return this.#drains;
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#outgoing.bytes + this.#socket.writableLength;
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
  send(lane: number, head: Uint8Array, payload: Uint8Array): void {
    if (this.#ending || this.#socket.destroyed) return;
    this.#outgoing.add(lane, head, payload);
    this.#schedule();
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
    this.#write(true);
    this.#ending = true;
    this.#socket.end();
  }

  /**
   * Sends what is queued and then what `last` sends, and closes without waiting for the other side to end; it has a
   * second to read that.
   */
  endNow(last?: () => void): void {
    this.#write(true);
    last?.();
    this.end();
    // One that is in the middle of a frame would fail to write the rest, and never come to read why.
    if (this.#invalid) this.#socket.resume();
    else this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  destroy(cause?: Error): void {
    this.#cause ??= cause;
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array, isReused: boolean): void {
    if (this.#invalid) return;
    try {
      this.#decoder.push(chunk, this.#take, isReused);
    } catch (error) {
      this.#invalid = true;
      this.#events.invalid(PeerdError.from(error));
    }
  }

  #schedule(): void {
    if (this.#flushing || this.#draining) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (!this.#draining && !this.#ending) this.#write(false);
    });
  }

  /** Writes what is queued, of the long frames only some parts unless it is `all`. */
  #write(all: boolean): void {
    if (this.#outgoing.bytes === 0 || this.#socket.destroyed) return;
    const buffers = this.#outgoing.collect(all);
    const [first, second] = buffers;
    if (first !== undefined && second === undefined) this.#socket.write(first);
    else {
      this.#socket.cork();
      for (const buffer of buffers) this.#socket.write(buffer);
      this.#socket.uncork();
    }
    if (this.#socket.writableLength === 0) this.#outgoing.written();
    this.#draining = this.#socket.writableNeedDrain;
    if (this.#outgoing.bytes > 0) this.#schedule();
  }

  #drained(): void {
    this.#draining = false;
    this.#drains += 1;
    if (!this.congested) this.#wakeAll();
    // Not at once: what is short and comes in this turn goes before the rest of what is long.
    if (this.#outgoing.bytes > 0) this.#schedule();
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
