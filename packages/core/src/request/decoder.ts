import { TextDecoding } from '@peerd/protocol';
import {
  FIRST_IGNORABLE_TYPE,
  type Frame,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_REASON_BYTES,
  MAX_SERVICE_BYTES,
} from './frames.ts';
import { MAX_VARINT_BYTES } from './varint.ts';

/** The other side broke the protocol: the stream can't be read any further. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Longest encoding of a frame's length: MAX_FRAME_BYTES takes three bytes. */
const MAX_LENGTH_BYTES = 3;

const texts = new TextDecoding();

/**
 * Turns the bytes of a stream, however they are split, into frames. The data of a frame is a view into the
 * chunk it came in; only a frame that is spread over several chunks is copied. It never holds more than one
 * unfinished frame.
 */
export class FrameDecoder {
  /** The frame that is not whole yet, and how much of it is there. */
  #partial: Uint8Array | undefined;
  #filled = 0;
  /** The length being read, when the chunk ended within it. */
  #length = 0;
  #lengthBytes = 0;

  /** Whether the stream may not end here: a frame has begun and is not whole. */
  get isWithinFrame(): boolean {
    return this.#partial !== undefined || this.#lengthBytes > 0;
  }

  /** Adds the frames that `chunk` completes to `frames`. Throws `FrameError`, and is of no use after that. */
  push(chunk: Uint8Array, frames: Frame[]): void {
    let position = 0;
    while (position < chunk.length) {
      if (this.#partial !== undefined) {
        const taken = Math.min(this.#partial.length - this.#filled, chunk.length - position);
        this.#partial.set(chunk.subarray(position, position + taken), this.#filled);
        this.#filled += taken;
        position += taken;
        if (this.#filled < this.#partial.length) return;
        const whole = this.#partial;
        this.#partial = undefined;
        decodeFrame(whole, 0, whole.length, frames);
        continue;
      }
      const byte = chunk[position++] as number;
      this.#length += (byte & 0x7f) << (7 * this.#lengthBytes);
      this.#lengthBytes += 1;
      if (byte >= 0x80) {
        if (this.#lengthBytes === MAX_LENGTH_BYTES) throw new FrameError('frame length over the limit');
        continue;
      }
      const length = this.#length;
      this.#length = 0;
      this.#lengthBytes = 0;
      if (length > MAX_FRAME_BYTES) throw new FrameError(`frame of ${length} bytes is over the limit`);
      if (length < 2) throw new FrameError('frame without a type and a call');
      if (chunk.length - position >= length) {
        decodeFrame(chunk, position, position + length, frames);
        position += length;
      } else {
        // Not zeroed: every byte is written before the frame is read.
        this.#partial = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
        this.#filled = 0;
      }
    }
  }
}

/** Where the last `readVarint` stopped: returning two numbers would allocate for each field. */
let next = 0;

function readVarint(bytes: Uint8Array, from: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let at = from; at < end && at - from < MAX_VARINT_BYTES; at += 1) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (value > Number.MAX_SAFE_INTEGER) break;
      next = at + 1;
      return value;
    }
    scale *= 128;
  }
  throw new FrameError('malformed integer');
}

function readText(bytes: Uint8Array, from: number, end: number): string {
  const text = texts.decode(bytes, from, end);
  if (text === undefined) throw new FrameError('text that is not UTF-8');
  return text;
}

function decodeFrame(bytes: Uint8Array, start: number, end: number, frames: Frame[]): void {
  const type = bytes[start] as number;
  const call = readVarint(bytes, start + 1, end);
  if (call === 0 && type !== FrameType.credit && type !== FrameType.packet && type < FIRST_IGNORABLE_TYPE)
    throw new FrameError('call 0 is the stream itself: it takes only CREDIT and PACKET');
  switch (type) {
    case FrameType.data: {
      if (next === end) throw new FrameError('DATA without flags');
      frames.push({ type, call, flags: bytes[next] as number, data: bytes.subarray(next + 1, end) });
      return;
    }
    case FrameType.open: {
      if (next === end) throw new FrameError('OPEN without flags');
      const flags = bytes[next] as number;
      const timeoutMs = readVarint(bytes, next + 1, end);
      const totalBytes = readVarint(bytes, next, end);
      const serviceBytes = readVarint(bytes, next, end);
      const dataAt = next + serviceBytes;
      if (serviceBytes > MAX_SERVICE_BYTES || dataAt > end)
        throw new FrameError('OPEN with a service too long');
      const service = readText(bytes, next, dataAt);
      frames.push({ type, call, flags, timeoutMs, totalBytes, service, data: bytes.subarray(dataAt, end) });
      return;
    }
    case FrameType.credit: {
      const credit = readVarint(bytes, next, end);
      if (next !== end) throw new FrameError('CREDIT with bytes left over');
      frames.push({ type, call, bytes: credit });
      return;
    }
    case FrameType.reset: {
      const code = readVarint(bytes, next, end);
      if (end - next > MAX_REASON_BYTES) throw new FrameError('RESET with a reason too long');
      frames.push({ type, call, code, reason: readText(bytes, next, end) });
      return;
    }
    case FrameType.packet: {
      if (call !== 0) throw new FrameError('PACKET for a call');
      const headBytes = readVarint(bytes, next, end);
      const bodyAt = next + headBytes;
      if (bodyAt > end) throw new FrameError('PACKET with a head longer than the frame');
      const head = bytes.subarray(next, bodyAt);
      frames.push({ type, call, head, body: [bytes.subarray(bodyAt, end)] });
      return;
    }
    default:
      if (type < FIRST_IGNORABLE_TYPE) throw new FrameError(`unknown frame type ${type}`);
  }
}
