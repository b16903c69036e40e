import { Ring } from '@peerd/protocol/queues';
import { CALL_WINDOW_BYTES } from './frames.ts';
import type { Link } from './link.ts';
import type { Accepted } from './messages.ts';

/** What a chunk takes in memory besides its bytes. */
const CHUNK_COST_BYTES = 128;

/** One message waiting to be sent on a call. */
export interface Outgoing {
  /** `undefined`: only the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  /** No message follows. */
  readonly end: boolean;
  /** Settled when all of it has been written. */
  readonly accepted: Accepted | undefined;
}

/** The two directions of one call on a link, the same for who asks and who answers. */
export abstract class Call {
  link: Link | undefined;
  id = 0;
  /** Whether OPEN has been written. */
  opened = false;
  /** Small: most calls send one message. */
  readonly outgoing: Ring<Outgoing> = new Ring(2);
  /** Bytes of the first outgoing message that have been written. */
  sentBytes = 0;
  sendWindow: number = CALL_WINDOW_BYTES;
  /** Whether it stands in the link's queue of calls that can send. */
  isReady = false;
  /** What the other side may still send before it has to wait for credit. */
  receiveWindow: number = CALL_WINDOW_BYTES;
  /** Bytes received of which no grant has been made. */
  ungrantedBytes = 0;
  /** Messages handed over whole that their reader has not said to have taken. */
  untakenMessages = 0;
  /** Bytes to grant in the next CREDIT. */
  owedBytes = 0;
  /** The message that is not whole yet: most come in one chunk. */
  #firstChunk: Uint8Array | undefined;
  #moreChunks: Uint8Array[] | undefined;
  chunkBytes = 0;
  /** What this call counts for in the bytes in flight, and of that the message that is not whole yet. */
  heldBytes = 0;
  chunkHeldBytes = 0;
  timeoutMs = 0;
  /** When it is over: frames for it that are still on their way are passed over. */
  isOver = false;

  /** The service that OPEN names: only of interest to the side that asks. */
  abstract readonly service: string;

  get canSend(): boolean {
    const first = this.outgoing.peek();
    if (first === undefined) return false;
    return this.sendWindow > 0 || first.bytes === undefined;
  }

  /**
   * Takes a chunk. `isWhole`: it is all of the message, and will be handed on at once. `pinnedBytes`: size of the
   * packet that it may be a view of, and so keeps in memory. Returns what it counts for in the bytes in flight, here
   * already.
   */
  addChunk(data: Uint8Array, isWhole: boolean, pinnedBytes: number): number {
    this.chunkBytes += data.length;
    const isSmallPart = !isWhole && data.length * 4 < pinnedBytes;
    const chunk = isSmallPart ? data.slice() : data;
    if (this.#firstChunk === undefined) this.#firstChunk = chunk;
    else if (this.#moreChunks === undefined) this.#moreChunks = [chunk];
    else this.#moreChunks.push(chunk);
    const cost = CHUNK_COST_BYTES + (isSmallPart ? data.length : Math.max(data.length, pinnedBytes >> 4));
    this.heldBytes += cost;
    this.chunkHeldBytes += cost;
    return cost;
  }

  /** The chunks as one message; a view when there is only one. */
  takeMessage(): Uint8Array {
    const first = this.#firstChunk ?? none;
    const more = this.#moreChunks;
    const message = more === undefined ? first : concat([first, ...more], this.chunkBytes);
    this.#firstChunk = undefined;
    this.#moreChunks = undefined;
    this.chunkBytes = 0;
    this.chunkHeldBytes = 0;
    return message;
  }
}

const none = new Uint8Array(0);

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  // Not zeroed: every byte is written.
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
