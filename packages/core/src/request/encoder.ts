import { TextEncoding } from '@peerd/protocol';
import { bodyLength, type Frame, FrameType } from './frames.ts';
import { MAX_VARINT_BYTES, varintLength, writeVarint } from './varint.ts';

/** Data up to this size is copied beside its header: a list entry of its own costs more than the copy. */
const COPIED_DATA_BYTES = 4 * 1024;

/** Upper bound of a frame's bytes without data and text: its length, type, flags and four integers. */
const MAX_HEAD_BYTES = 3 + 2 + 4 * MAX_VARINT_BYTES;

const texts = new TextEncoding();

/**
 * Encodes frames that go out together. The result is a list of buffers, to be written in order: short frames
 * share one, and long data is a view of what was passed in.
 */
export function encodeFrames(frames: readonly Frame[]): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  let space = 0;
  for (const frame of frames) space += MAX_HEAD_BYTES + copiedBytes(frame);
  // Not zeroed: every byte that goes out is written first.
  const target = Buffer.allocUnsafe(space);
  let written = 0;
  let flushed = 0;
  const add = (data: Uint8Array) => {
    if (data.length <= COPIED_DATA_BYTES) {
      target.set(data, written);
      written += data.length;
    } else {
      if (written > flushed) buffers.push(target.subarray(flushed, written));
      buffers.push(data);
      flushed = written;
    }
  };
  for (const frame of frames) {
    const text = textOf(frame);
    const length = 1 + varintLength(frame.call) + fieldsLength(frame, text) + text.length + dataLength(frame);
    written = writeVarint(target, written, length);
    target[written++] = frame.type;
    written = writeVarint(target, written, frame.call);
    written = writeFields(target, written, frame, text);
    target.set(text, written);
    written += text.length;
    if (frame.type === FrameType.open || frame.type === FrameType.data) add(frame.data);
    else if (frame.type === FrameType.packet) for (const part of frame.body) add(part);
  }
  if (written > flushed) buffers.push(target.subarray(flushed, written));
  return buffers;
}

const none = new Uint8Array(0);

function dataLength(frame: Frame): number {
  if (frame.type === FrameType.open || frame.type === FrameType.data) return frame.data.length;
  return frame.type === FrameType.packet ? bodyLength(frame) : 0;
}

/** What follows the fields and is copied, however long it is. */
function textOf(frame: Frame): Uint8Array {
  if (frame.type === FrameType.packet) return frame.head;
  if (frame.type === FrameType.open && frame.service !== '') return texts.encode(frame.service);
  if (frame.type === FrameType.reset && frame.reason !== '') return texts.encode(frame.reason);
  return none;
}

function copiedBytes(frame: Frame): number {
  switch (frame.type) {
    case FrameType.data:
      return copiedLength(frame.data);
    case FrameType.open:
      // A UTF-16 unit is at most three bytes of UTF-8.
      return copiedLength(frame.data) + 3 * frame.service.length;
    case FrameType.packet: {
      let bytes = frame.head.length;
      for (const part of frame.body) bytes += copiedLength(part);
      return bytes;
    }
    case FrameType.reset:
      return 3 * frame.reason.length;
    case FrameType.credit:
      return 0;
  }
}

function copiedLength({ length }: Uint8Array): number {
  return length <= COPIED_DATA_BYTES ? length : 0;
}

function fieldsLength(frame: Frame, text: Uint8Array): number {
  switch (frame.type) {
    case FrameType.data:
      return 1;
    case FrameType.open:
      return 1 + varintLength(frame.timeoutMs) + varintLength(frame.totalBytes) + varintLength(text.length);
    case FrameType.credit:
      return varintLength(frame.bytes);
    case FrameType.reset:
      return varintLength(frame.code);
    case FrameType.packet:
      return varintLength(text.length);
  }
}

function writeFields(target: Uint8Array, at: number, frame: Frame, text: Uint8Array): number {
  switch (frame.type) {
    case FrameType.data:
      target[at] = frame.flags;
      return at + 1;
    case FrameType.open: {
      target[at] = frame.flags;
      const afterTimeout = writeVarint(target, at + 1, frame.timeoutMs);
      const afterTotal = writeVarint(target, afterTimeout, frame.totalBytes);
      return writeVarint(target, afterTotal, text.length);
    }
    case FrameType.credit:
      return writeVarint(target, at, frame.bytes);
    case FrameType.reset:
      return writeVarint(target, at, frame.code);
    case FrameType.packet:
      return writeVarint(target, at, text.length);
  }
}
