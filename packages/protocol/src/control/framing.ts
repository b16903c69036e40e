import { PeerdError } from '../errors.ts';
import { maxFrameBytes } from './limits.ts';

/** A frame is a 32-bit little-endian length and that many bytes. */
export const headerBytes = 4;

/** The smallest buffer for a frame that comes in pieces: one read of a socket. */
const firstBufferBytes = 64 * 1024;

/** The length that goes before `body`. Fails with `too-large` if the body is over the bound. */
export function frameHeader(body: Uint8Array, limit: number = maxFrameBytes): Uint8Array {
  if (body.length > limit)
    throw new PeerdError('too-large', `a frame of ${body.length} bytes is over the limit of ${limit}`);
  const header = new Uint8Array(headerBytes);
  new DataView(header.buffer).setUint32(0, body.length, true);
  return header;
}

/**
 * Takes bytes as they come and gives whole frames. It allocates no more than about twice what has arrived,
 * whatever a length claims. A frame that came in one piece is a view into that piece.
 */
export class FrameDecoder {
  readonly #limit: number;
  readonly #header = new Uint8Array(headerBytes);
  #headerFilled = 0;
  /** The length of the frame being read; undefined while its header is. */
  #length: number | undefined;
  #buffer: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #failure: PeerdError | undefined;

  constructor(limit: number = maxFrameBytes) {
    this.#limit = limit;
  }

  /** Whether the bytes so far end between two frames. */
  get atBoundary(): boolean {
    return this.#length === undefined && this.#headerFilled === 0;
  }

  /** Fails with `invalid` on a length over the bound, and on everything after it. */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#failure !== undefined) throw this.#failure;
    const frames: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length || this.#length === 0) {
      if (this.#length === undefined) at = this.#readHeader(chunk, at);
      else at = this.#readBody(chunk, at, this.#length, frames);
    }
    return frames;
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && this.#headerFilled < headerBytes)
      this.#header[this.#headerFilled++] = chunk[at++] as number;
    if (this.#headerFilled < headerBytes) return at;
    const length = new DataView(this.#header.buffer).getUint32(0, true);
    if (length > this.#limit) {
      this.#failure = new PeerdError(
        'invalid',
        `a frame claims ${length} bytes, the limit is ${this.#limit}: this is not the control protocol`,
      );
      throw this.#failure;
    }
    this.#length = length;
    return at;
  }

  #readBody(chunk: Uint8Array, at: number, length: number, frames: Uint8Array[]): number {
    const missing = length - this.#filled;
    if (this.#filled === 0 && chunk.length - at >= missing) {
      frames.push(chunk.subarray(at, at + missing));
      this.#next();
      return at + missing;
    }
    const end = Math.min(chunk.length, at + missing);
    this.#append(chunk.subarray(at, end), length);
    if (this.#filled === length) {
      frames.push(this.#buffer.subarray(0, length));
      this.#next();
    }
    return end;
  }

  #append(part: Uint8Array, length: number): void {
    const needed = this.#filled + part.length;
    if (needed > this.#buffer.length) {
      const size = Math.min(length, Math.max(needed, 2 * this.#buffer.length, firstBufferBytes));
      // Not zeroed: every byte is written before the frame is handed out.
      const larger = Buffer.allocUnsafeSlow(size);
      larger.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = larger;
    }
    this.#buffer.set(part, this.#filled);
    this.#filled = needed;
  }

  #next(): void {
    this.#headerFilled = 0;
    this.#length = undefined;
    this.#buffer = new Uint8Array(0);
    this.#filled = 0;
  }
}
