import { PeerdError } from '../errors.ts';
import type { FrameQuota } from './frame-quota.ts';
import { maxFrameBytes, maxPartBytes, maxUnfinished, maxUnfinishedBytes } from './limits.ts';

/** A frame is a 32-bit little-endian length and that many bytes. */
export const headerBytes = 4;

/** A part has its length, with the highest bit set, the number of the frame it is of, and that one's length. */
export const partHeaderBytes = 12;

const partBit = 0x8000_0000;

/** The smallest buffer for a frame that comes in pieces: some reads of a socket. */
const firstBufferBytes = 256 * 1024;

/**
 * The same for one in parts: most are not longer, a payload of 1 MiB with its head is not, and those are spared a copy.
 * `maxUnfinished` bounds how many there are.
 */
const firstPartsBytes = 1024 * 1024 + maxPartBytes;

/** The length that goes before `body`. Fails with `too-large` if the body is over the bound. */
export function frameHeader(body: Uint8Array, limit: number = maxFrameBytes): Uint8Array {
  checkFrameLength(body.length, limit);
  const header = new Uint8Array(headerBytes);
  writeUint32(header, 0, body.length);
  return header;
}

/** Fails with `too-large` on a length over the bound. */
export function checkFrameLength(bytes: number, limit: number = maxFrameBytes): void {
  if (bytes > limit)
    throw new PeerdError('too-large', `a frame of ${bytes} bytes is over the limit of ${limit}`);
}

export function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

export function writePartHeader(
  target: Uint8Array,
  at: number,
  part: number,
  frame: number,
  length: number,
): void {
  writeUint32(target, at, part | partBit);
  writeUint32(target, at + 4, frame);
  writeUint32(target, at + 8, length);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/**
 * A frame that is not whole yet. Past the first buffer it allocates about four times what has arrived at most, whatever
 * was announced.
 */
class Unfinished {
  readonly length: number;
  readonly #firstBytes: number;
  readonly #quota: FrameQuota | undefined;
  buffer: Uint8Array = new Uint8Array(0);
  filled = 0;

  constructor(length: number, firstBytes: number, quota: FrameQuota | undefined) {
    this.length = length;
    this.#firstBytes = firstBytes;
    this.#quota = quota;
  }

  /** Whether the quota had room for it. */
  append(chunk: Uint8Array, from: number, to: number): boolean {
    const needed = this.filled + to - from;
    if (needed > this.buffer.length) {
      const size = Math.min(this.length, Math.max(needed, 4 * this.buffer.length, this.#firstBytes));
      if (this.#quota?.take(size - this.buffer.length) === false) return false;
      // Not zeroed: every byte is written before the frame is handed out.
      const larger = Buffer.allocUnsafeSlow(size);
      larger.set(this.buffer.subarray(0, this.filled));
      this.buffer = larger;
    }
    this.buffer.set(chunk.subarray(from, to), this.filled);
    this.filled = needed;
    return true;
  }

  /** Its bytes are no longer kept here. */
  free(): void {
    this.#quota?.give(this.buffer.length);
  }
}

/** Called with each whole frame: the bytes from `start` to `end`. */
export type TakeFrame = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * Takes bytes as they come and gives whole frames, those in parts when their last one is there. A frame that came in
 * one piece is a view into that piece.
 */
export class FrameDecoder {
  readonly #limit: number;
  readonly #quota: FrameQuota | undefined;
  readonly #header = new Uint8Array(partHeaderBytes);
  #headerFilled = 0;
  /** What is being read, once its header is there, and how much of this part is missing. */
  #open: Unfinished | undefined;
  #missing = 0;
  /** The number of the frame that `#open` is, when that comes in parts. */
  #number: number | undefined;
  /** Frames that come in parts, by their number. */
  readonly #unfinished = new Map<number, Unfinished>();
  #unfinishedBytes = 0;
  #failure: PeerdError | undefined;

  /**
   * Without a `quota` only the bounds of one connection hold. A frame that comes in one part, and is no longer than a part
   * may be, is not counted: so a connection keeps one such at most, and goes on when others have taken all the room.
   */
  constructor(limit: number = maxFrameBytes, quota?: FrameQuota) {
    this.#limit = limit;
    this.#quota = quota;
  }

  /** Whether the bytes so far end between two frames. */
  get atBoundary(): boolean {
    return this.#open === undefined && this.#headerFilled === 0 && this.#unfinished.size === 0;
  }

  /**
   * Fails with `invalid` on what breaks the bounds, with `busy` past the quota, and on everything after it. With `isReused` the chunk's memory is
   * its owner's again afterwards: frames are views of a copy then.
   */
  push(received: Uint8Array, take: TakeFrame, isReused = false): void {
    if (this.#failure !== undefined) throw this.#failure;
    let chunk = received;
    let isOwn = !isReused;
    let at = 0;
    while (at < chunk.length) {
      if (this.#open !== undefined) {
        at = this.#readBody(chunk, at, this.#open, take);
        continue;
      }
      // Most frames lie whole in what came.
      if (this.#headerFilled === 0 && chunk.length - at >= headerBytes) {
        const length = readUint32(chunk, at);
        if (length <= this.#limit && length <= chunk.length - at - headerBytes) {
          if (!isOwn) {
            // All of the rest: short frames come in groups. What is long has a buffer of its own.
            chunk = Buffer.from(chunk.subarray(at));
            at = 0;
            isOwn = true;
          }
          const start = at + headerBytes;
          at = start + length;
          take(chunk, start, at);
          continue;
        }
      }
      at = this.#readHeader(chunk, at, take);
    }
  }

  /** Forgets what has come in part: nothing follows. */
  close(): void {
    if (this.#open !== undefined && this.#number === undefined) this.#open.free();
    for (const frame of this.#unfinished.values()) frame.free();
    this.#open = undefined;
    this.#unfinished.clear();
  }

  #readHeader(chunk: Uint8Array, start: number, take: TakeFrame): number {
    let at = start;
    while (at < chunk.length) {
      this.#header[this.#headerFilled++] = chunk[at++] as number;
      if (this.#headerFilled === headerBytes) {
        const length = readUint32(this.#header, 0);
        if (length < partBit) {
          if (length > this.#limit) this.#fail(`a frame claims ${length} bytes, the limit is ${this.#limit}`);
          this.#headerFilled = 0;
          if (length === 0) take(chunk, at, at);
          else {
            const quota = length > maxPartBytes ? this.#quota : undefined;
            this.#begin(new Unfinished(length, firstBufferBytes, quota), length, undefined);
          }
          return at;
        }
        const part = length - partBit;
        if (part === 0 || part > maxPartBytes)
          this.#fail(`a part claims ${part} bytes, of 1 to ${maxPartBytes} that it may have`);
      } else if (this.#headerFilled === partHeaderBytes) {
        this.#headerFilled = 0;
        this.#beginPart(
          readUint32(this.#header, 0) - partBit,
          readUint32(this.#header, 4),
          readUint32(this.#header, 8),
        );
        return at;
      }
    }
    return at;
  }

  #beginPart(part: number, number: number, length: number): void {
    let frame = this.#unfinished.get(number);
    if (frame === undefined) {
      if (length > this.#limit)
        this.#fail(`a frame in parts claims ${length} bytes, the limit is ${this.#limit}`);
      if (this.#unfinished.size >= maxUnfinished)
        this.#fail(`more than ${maxUnfinished} frames are unfinished`);
      if (this.#unfinishedBytes + length > maxUnfinishedBytes)
        this.#fail(`unfinished frames of more than ${maxUnfinishedBytes} bytes`);
      frame = new Unfinished(length, firstPartsBytes, this.#quota);
      this.#unfinished.set(number, frame);
      this.#unfinishedBytes += length;
    } else if (frame.length !== length)
      this.#fail(`the parts of a frame do not agree: it has ${frame.length} bytes, or ${length}`);
    if (part > length - frame.filled)
      this.#fail(`the parts of a frame of ${length} bytes have more than that`);
    this.#begin(frame, part, number);
  }

  #begin(frame: Unfinished, missing: number, number: number | undefined): void {
    this.#open = frame;
    this.#missing = missing;
    this.#number = number;
  }

  #readBody(chunk: Uint8Array, at: number, frame: Unfinished, take: TakeFrame): number {
    const end = Math.min(chunk.length, at + this.#missing);
    if (!frame.append(chunk, at, end)) this.#end(noRoom(frame.length, this.#quota));
    this.#missing -= end - at;
    if (this.#missing > 0) return end;
    this.#open = undefined;
    if (frame.filled < frame.length) return end;
    if (this.#number !== undefined) {
      this.#unfinished.delete(this.#number);
      this.#unfinishedBytes -= frame.length;
    }
    frame.free();
    take(frame.buffer, 0, frame.length);
    return end;
  }

  #fail(what: string): never {
    this.#end(new PeerdError('invalid', `${what}: this is not the control protocol`));
  }

  #end(failure: PeerdError): never {
    this.#failure = failure;
    this.close();
    throw failure;
  }
}

function noRoom(length: number, quota: FrameQuota | undefined): PeerdError {
  return new PeerdError(
    'busy',
    `no room for a frame of ${length} bytes: of the ${quota?.limit} bytes for frames that have come in part, from all ` +
      `programs, ${quota?.bytes} are taken. Send it again when others are through`,
  );
}
