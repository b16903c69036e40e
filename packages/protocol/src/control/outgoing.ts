import { ShortestFirst } from '../queues/shortest-first.ts';
import { checkFrameLength, headerBytes, partHeaderBytes, writePartHeader, writeUint32 } from './framing.ts';
import { maxPartBytes, maxUnfinished, maxUnfinishedBytes } from './limits.ts';

/**
 * Frames up to here are copied into one buffer and go first. It is less than a packet of the network stack would be
 * split for: to copy it costs less than a buffer of its own does in a write.
 */
const shortFrameBytes = 4 * 1024;

/** The buffer that short frames and headers are written into: some hundred of them, a turn of a busy client. */
const slabBytes = 64 * 1024;

/** The first one, which is enough for a client that asks one thing at a time: a daemon may have a thousand of those. */
const firstSlabBytes = 8 * 1024;

/**
 * Of the long frames so much goes out at a time. Local sockets take about 200 KiB at once, so that more would only
 * stand before the next short frame.
 */
const longBytesAtOnce = 256 * 1024;

/** A frame that is too long to be copied, and how much of it has gone out. */
class LongFrame {
  readonly head: Uint8Array;
  readonly payload: Uint8Array;
  /** Its number among the frames that go out in parts; undefined before the first part. */
  number: number | undefined;
  sent = 0;

  constructor(head: Uint8Array, payload: Uint8Array) {
    // Heads are overwritten by the next frame.
    this.head = new Uint8Array(head);
    this.payload = payload;
  }

  get length(): number {
    return this.head.length + this.payload.length;
  }
}

/** The frames of one call, or inbound request, from its first long one on: they keep their order. */
interface Lane {
  readonly number: number;
  readonly frames: LongFrame[];
}

function lengthOfNext({ frames }: Lane): number {
  return (frames[0] as LongFrame).length;
}

/**
 * What is to be written next. Short frames go first, all of a turn in one buffer; then come parts of the long ones, first
 * of the one with the least left. A frame never overtakes an earlier one of its lane.
 */
export class Outgoing {
  #slab: Buffer = Buffer.allocUnsafeSlow(firstSlabBytes);
  #from = 0;
  #at = 0;
  #buffers: Uint8Array[] = [];
  readonly #lanes = new Map<number, Lane>();
  /** Lanes whose next part may go out, and lanes whose first frame may not begin yet. */
  readonly #ready: ShortestFirst<Lane> = new ShortestFirst();
  #held: Lane[] = [];
  #unfinished = 0;
  #unfinishedBytes = 0;
  #lastNumber = 0;
  #shortBytes = 0;
  #longBytes = 0;

  /** Bytes that wait to be collected. */
  get bytes(): number {
    return this.#shortBytes + this.#longBytes;
  }

  /** Fails with `too-large` over the frame limit. `head` is copied, of some KiB at most; a long payload is not. */
  add(number: number, head: Uint8Array, payload: Uint8Array): void {
    const length = head.length + payload.length;
    checkFrameLength(length);
    const lane = this.#lanes.get(number);
    if (lane === undefined && length <= shortFrameBytes) {
      this.#short(head, payload, length);
      return;
    }
    this.#longBytes += length;
    const frame = new LongFrame(head, payload);
    if (lane !== undefined) {
      lane.frames.push(frame);
      return;
    }
    const opened: Lane = { number, frames: [frame] };
    this.#lanes.set(number, opened);
    this.#ready.push(opened, length);
  }

  /** What is to be written now; of the long frames some parts, or `all`. */
  collect(all = false): Uint8Array[] {
    const budget = all ? Number.POSITIVE_INFINITY : longBytesAtOnce;
    for (let taken = 0; taken < budget; ) {
      const lane = this.#ready.shift();
      if (lane === undefined) break;
      taken += this.#part(lane);
    }
    this.#closeBuffer();
    this.#shortBytes = 0;
    const buffers = this.#buffers;
    this.#buffers = [];
    return buffers;
  }

  /** All that has ever been collected is written, and nothing was added since: its memory may be used again. */
  written(): void {
    this.#from = 0;
    this.#at = 0;
  }

  #short(head: Uint8Array, payload: Uint8Array, length: number): void {
    this.#shortBytes += headerBytes + length;
    this.#reserve(headerBytes + length);
    writeUint32(this.#slab, this.#at, length);
    this.#slab.set(head, this.#at + headerBytes);
    if (payload.length > 0) this.#slab.set(payload, this.#at + headerBytes + head.length);
    this.#at += headerBytes + length;
  }

  /** Writes one part of the lane's first frame, or all of a frame that needs no parts. Returns its bytes. */
  #part(lane: Lane): number {
    const frame = lane.frames[0] as LongFrame;
    const { length } = frame;
    if (length > maxPartBytes && frame.number === undefined && !this.#begin(frame)) {
      this.#held.push(lane);
      return 0;
    }
    const part = Math.min(length - frame.sent, maxPartBytes);
    if (frame.number === undefined) {
      this.#reserve(headerBytes + frame.head.length);
      writeUint32(this.#slab, this.#at, length);
      this.#at += headerBytes;
    } else {
      this.#reserve(partHeaderBytes + frame.head.length);
      writePartHeader(this.#slab, this.#at, part, frame.number, length);
      this.#at += partHeaderBytes;
    }
    this.#write(frame, part);
    this.#longBytes -= part;
    if (frame.sent < length) this.#ready.putBack(lane, length - frame.sent);
    else this.#finish(lane, frame);
    return part;
  }

  /** Gives the frame a number, unless too much is unfinished already. The longest frame there may be fits alone. */
  #begin(frame: LongFrame): boolean {
    // Those that wait already go before it.
    if (this.#held.length > 0 || this.#unfinished >= maxUnfinished) return false;
    if (this.#unfinishedBytes + frame.length > maxUnfinishedBytes) return false;
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    frame.number = this.#lastNumber;
    this.#unfinished += 1;
    this.#unfinishedBytes += frame.length;
    return true;
  }

  #write(frame: LongFrame, part: number): void {
    let rest = part;
    if (frame.sent === 0) {
      this.#slab.set(frame.head, this.#at);
      this.#at += frame.head.length;
      rest -= frame.head.length;
    }
    if (rest > 0) {
      const from = frame.sent + part - rest - frame.head.length;
      this.#closeBuffer();
      this.#buffers.push(frame.payload.subarray(from, from + rest));
    }
    frame.sent += part;
  }

  #finish(lane: Lane, frame: LongFrame): void {
    if (frame.number !== undefined) {
      this.#unfinished -= 1;
      this.#unfinishedBytes -= frame.length;
      // The one that has waited longest is to be the first again.
      for (const held of this.#held.reverse()) this.#ready.putFirst(held, lengthOfNext(held));
      this.#held = [];
    }
    lane.frames.shift();
    if (lane.frames.length > 0) this.#ready.push(lane, lengthOfNext(lane));
    else this.#lanes.delete(lane.number);
  }

  #reserve(bytes: number): void {
    if (this.#slab.length - this.#at >= bytes) return;
    this.#closeBuffer();
    this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
    this.#from = 0;
    this.#at = 0;
  }

  #closeBuffer(): void {
    if (this.#at > this.#from) this.#buffers.push(this.#slab.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }
}
