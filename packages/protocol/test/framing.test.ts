import { PeerdError } from '@peerd/protocol';
import {
  FrameDecoder,
  FrameQuota,
  frameHeader,
  headerBytes,
  maxFrameBytes,
  maxPartBytes,
  maxUnfinished,
  maxUnfinishedBytes,
} from '@peerd/protocol/control';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

function framed(bodies: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(bodies.flatMap((body) => [frameHeader(body), body]));
}

/** Cuts bytes at the given places, in any order, repeated or out of range. */
function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

/** The frames that a chunk makes whole. */
function pushed(decoder: FrameDecoder, chunk: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  decoder.push(chunk, (bytes, start, end) => frames.push(bytes.subarray(start, end)));
  return frames;
}

function header(length: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  new DataView(bytes.buffer).setUint32(0, length, true);
  return bytes;
}

describe('frames', () => {
  test('come out as they went in, however the bytes are split', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 40 }), (frames, cuts) => {
        const decoder = new FrameDecoder();
        const decoded = split(framed(frames), cuts).flatMap((chunk) => pushed(decoder, chunk));
        expect(decoded.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
        expect(decoder.atBoundary).toBe(true);
      }),
    );
  });

  test('outlive the memory they came in, when that is used again', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 40 }), (frames, cuts) => {
        const decoder = new FrameDecoder();
        const decoded: Uint8Array[] = [];
        for (const chunk of split(framed(frames), cuts)) {
          const read = Uint8Array.from(chunk);
          decoder.push(read, (bytes, start, end) => decoded.push(bytes.subarray(start, end)), true);
          read.fill(0xff);
        }
        expect(decoded.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
      }),
    );
  });

  test('larger than a read come out whole, a byte at a time at their ends', () => {
    const body = Uint8Array.from({ length: 300_000 }, (_, index) => index % 253);
    const bytes = framed([body]);
    const decoder = new FrameDecoder();
    const chunks = split(bytes, [1, 2, 3, 4, 5, 70_000, 140_001, bytes.length - 2, bytes.length - 1]);
    const decoded = chunks.flatMap((chunk) => pushed(decoder, chunk));
    expect(decoded).toHaveLength(1);
    expect(Buffer.compare(decoded[0] as Uint8Array, body)).toBe(0);
  });

  test('random bytes never make the decoder throw anything but its own error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const decoder = new FrameDecoder(1_000);
        try {
          for (const chunk of chunks) pushed(decoder, chunk);
        } catch (error) {
          expect(error).toBeInstanceOf(PeerdError);
          expect((error as PeerdError).code).toBe('invalid');
        }
      }),
    );
  });

  test('a length that claims 4 GiB is refused at once, and so is all that follows', () => {
    const decoder = new FrameDecoder();
    const claim = expect.objectContaining({ code: 'invalid' });
    const before = process.memoryUsage().arrayBuffers;
    expect(() => pushed(decoder, header(0xffff_ffff))).toThrow(claim);
    expect(() => pushed(decoder, new Uint8Array(1))).toThrow(claim);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  test('the longest length that is allowed allocates only for what has come', () => {
    const decoders = Array.from({ length: 100 }, () => new FrameDecoder());
    const before = process.memoryUsage().arrayBuffers;
    for (const decoder of decoders) {
      pushed(decoder, header(maxFrameBytes));
      pushed(decoder, new Uint8Array(10));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(maxFrameBytes);
  });

  test('a body over the limit is not sent', () => {
    expect(() => frameHeader(new Uint8Array(11), 10)).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  const part = (bytes: number, frame: number, length: number) => {
    const header = new Uint8Array(12);
    const view = new DataView(header.buffer);
    view.setUint32(0, 0x8000_0000 + bytes, true);
    view.setUint32(4, frame, true);
    view.setUint32(8, length, true);
    return Buffer.concat([header, new Uint8Array(Math.min(bytes, maxPartBytes)).fill(frame)]);
  };

  test('in parts come out when they are whole, with others in between', () => {
    const decoder = new FrameDecoder();
    const bytes = Buffer.concat([
      part(3, 1, 5),
      part(2, 2, 4),
      framed([Buffer.of(9)]),
      part(2, 1, 5),
      part(2, 2, 4),
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 20 }), (cuts) => {
        const frames = split(bytes, cuts).flatMap((chunk) => pushed(decoder, chunk));
        expect(frames.map((frame) => [...frame])).toEqual([[9], [1, 1, 1, 1, 1], [2, 2, 2, 2]]);
        expect(decoder.atBoundary).toBe(true);
      }),
    );
  });

  test.each([
    ['a part of nothing', [part(0, 1, 5)]],
    ['a part over the limit', [part(maxPartBytes + 1, 1, maxFrameBytes)]],
    ['a frame in parts over the limit', [part(1, 1, maxFrameBytes + 1)]],
    ['parts that do not agree', [part(1, 1, 5), part(1, 1, 6)]],
    ['parts of more than the frame', [part(3, 1, 5), part(3, 1, 5)]],
    ['too many unfinished frames', Array.from({ length: maxUnfinished + 1 }, (_, i) => part(1, i, 5))],
    ['unfinished frames of too much', [1, 2, 3].map((frame) => part(1, frame, maxUnfinishedBytes / 2))],
  ])('%s are refused', (_, parts) => {
    const decoder = new FrameDecoder();
    for (const each of parts.slice(0, -1)) expect(pushed(decoder, each)).toEqual([]);
    expect(() => pushed(decoder, parts.at(-1) as Uint8Array)).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
  });

  describe('of several connections that share a quota', () => {
    const MiB = 1024 * 1024;

    test('take room only while they are not whole, however they come', () => {
      const quota = new FrameQuota(64 * MiB);
      const bodies = fc.array(
        fc.integer({ min: 0, max: 200_000 }).map((length) => new Uint8Array(length)),
        { maxLength: 4 },
      );
      fc.assert(
        fc.property(bodies, fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
          const decoder = new FrameDecoder(maxFrameBytes, quota);
          const chunks = split(Buffer.concat([framed(frames), part(1, 7, 70_000)]), cuts);
          const decoded = chunks.flatMap((chunk) => pushed(decoder, chunk));
          expect(decoded.map(({ length }) => length)).toEqual(frames.map(({ length }) => length));
          expect(quota.bytes).toBe(70_000);
          decoder.close();
          expect(quota.bytes).toBe(0);
        }),
      );
      expect(quota.refused).toBe(0);
    });

    test('are refused past it, and give back what they had; short ones go on', () => {
      const quota = new FrameQuota(2 * MiB);
      const [first, second] = [1, 2].map(() => new FrameDecoder(maxFrameBytes, quota));
      pushed(first as FrameDecoder, Buffer.concat([header(2 * MiB), new Uint8Array(MiB)]));
      const begun = part(1, 1, MiB / 2);
      pushed(second as FrameDecoder, begun);
      expect(quota.bytes).toBe(1.5 * MiB);
      const busy = expect.objectContaining({ code: 'busy', message: expect.stringContaining(`${2 * MiB}`) });
      expect(() => pushed(second as FrameDecoder, part(1, 2, MiB))).toThrow(busy);
      expect(() => pushed(second as FrameDecoder, begun)).toThrow(busy);
      expect({ bytes: quota.bytes, refused: quota.refused }).toEqual({ bytes: MiB, refused: 1 });
      const third = new FrameDecoder(maxFrameBytes, new FrameQuota(0));
      const inTwo = (length: number) =>
        split(framed([new Uint8Array(length)]), [9]).flatMap((chunk) => pushed(third, chunk));
      expect(inTwo(maxPartBytes)).toHaveLength(1);
      expect(() => inTwo(maxPartBytes + 1)).toThrow(expect.objectContaining({ code: 'busy' }));
    });
  });

  test('parts of the longest frames allocate only for what has come', () => {
    const decoders = Array.from({ length: 20 }, () => new FrameDecoder());
    const before = process.memoryUsage().arrayBuffers;
    for (const decoder of decoders) pushed(decoder, part(1, 1, maxFrameBytes));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(maxFrameBytes);
  });
});
