import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameDecoder, FrameError } from '../src/request/decoder.ts';
import { encodeFrames } from '../src/request/encoder.ts';
import {
  costOf,
  END_MESSAGE,
  END_STREAM,
  type Frame,
  FrameType,
  MAX_FRAME_BYTES,
  MAX_REASON_BYTES,
  MAX_SERVICE_BYTES,
} from '../src/request/frames.ts';
import { MAX_VARINT_BYTES, varintLength, writeVarint } from '../src/request/varint.ts';
import { split } from './support/split.ts';

const call = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.maxSafeNat().map((n) => n || 1),
);
const integer = fc.oneof(fc.nat(300), fc.maxSafeNat());
const flags = fc.integer({ min: 0, max: 3 });
/** Both sides of the size from which data is not copied. */
const data = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.integer({ min: 4_090, max: 20_000 }).map((size) => new Uint8Array(size).fill(size % 251)),
);
const text = (maxBytes: number) =>
  fc.string({ maxLength: maxBytes, unit: 'binary' }).filter((s) => Buffer.byteLength(s) <= maxBytes);

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant(FrameType.open),
    call,
    flags,
    timeoutMs: integer,
    totalBytes: integer,
    service: text(MAX_SERVICE_BYTES),
    data,
  }),
  fc.record({ type: fc.constant(FrameType.data), call, flags, data }),
  fc.record({ type: fc.constant(FrameType.credit), call: fc.oneof(fc.constant(0), call), bytes: integer }),
  fc.record({ type: fc.constant(FrameType.reset), call, code: integer, reason: text(MAX_REASON_BYTES) }),
  fc.record({
    type: fc.constant(FrameType.packet),
    call: fc.constant(0 as const),
    head: fc.uint8Array({ maxLength: 200 }),
    body: fc.array(data, { maxLength: 3 }),
  }),
);

const encoded = (frames: readonly Frame[]) => Buffer.concat(encodeFrames(frames));
/** Fields only: a view compares equal to what it is a view of. */
const plain = (frames: readonly Frame[]) =>
  frames.map((frame) => {
    if ('data' in frame) return { ...frame, data: Buffer.from(frame.data).toString('hex') };
    if (frame.type !== FrameType.packet) return frame;
    const { head, body } = frame;
    return {
      ...frame,
      head: Buffer.from(head).toString('hex'),
      body: Buffer.concat(body).toString('hex'),
    };
  });

function decoded(chunks: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (const chunk of chunks) decoder.push(chunk, frames);
  return frames;
}

/** A frame as it stands on the wire, from its bytes after the length. */
function framed(body: readonly number[] | Uint8Array): Uint8Array {
  const head = new Uint8Array(3);
  return Buffer.concat([head.subarray(0, writeVarint(head, 0, body.length)), Uint8Array.from(body)]);
}

const dataFrame = (size: number): Frame => ({
  type: FrameType.data,
  call: 1,
  flags: END_MESSAGE | END_STREAM,
  data: new Uint8Array(size).fill(9),
});

describe('an integer on the wire', () => {
  test('is LEB128: what the specification of multiformats gives as examples', () => {
    for (const [value, hex] of [
      [0, '00'],
      [1, '01'],
      [127, '7f'],
      [128, '8001'],
      [255, 'ff01'],
      [300, 'ac02'],
      [16_384, '808001'],
      [2 ** 31, '8080808008'],
      [2 ** 32, '8080808010'],
      [Number.MAX_SAFE_INTEGER, 'ffffffffffffff0f'],
    ] as const) {
      const target = new Uint8Array(MAX_VARINT_BYTES);
      const end = writeVarint(target, 0, value);
      expect(Buffer.from(target.subarray(0, end)).toString('hex'), `${value}`).toBe(hex);
      expect(varintLength(value), `${value}`).toBe(end);
    }
  });

  test('takes as many bytes as was said beforehand', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(writeVarint(new Uint8Array(MAX_VARINT_BYTES), 0, value)).toBe(varintLength(value));
      }),
    );
  });
});

describe('frames', () => {
  test('come out as they went in, however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (frames, cuts) => {
          expect(plain(decoded(split(encoded(frames), cuts)))).toEqual(plain(frames));
        },
      ),
    );
  });

  test('come out as they went in when every byte comes alone', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 3 }), (frames) => {
        const bytes = encoded(frames);
        expect(plain(decoded(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))))).toEqual(plain(frames));
      }),
      { numRuns: 20 },
    );
  });

  test('that are cut short are waited for, and only they', () => {
    fc.assert(
      fc.property(frame, frame, fc.nat(), (first, second, cut) => {
        const head = encoded([first]);
        const bytes = Buffer.concat([head, encoded([second])]);
        const end = head.length + (cut % (bytes.length - head.length));
        expect(plain(decoded([bytes.subarray(0, end)]))).toEqual(plain([first]));
      }),
    );
  });

  test('of unknown types from 0x80 on are passed over', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x80, max: 0xff }),
        fc.uint8Array({ maxLength: 50 }),
        frame,
        (type, rest, known) => {
          const unknown = framed([type, 1, ...rest]);
          expect(plain(decoded([Buffer.concat([unknown, encoded([known]), unknown])]))).toEqual(
            plain([known]),
          );
        },
      ),
    );
  });

  test('carry long data as views, both on the way out and on the way in', () => {
    const sent = dataFrame(16 * 1024) as Extract<Frame, { data: Uint8Array }>;
    const buffers = encodeFrames([sent, dataFrame(10)]);
    expect(buffers.some((buffer) => buffer.buffer === sent.data.buffer)).toBe(true);
    const bytes = Buffer.concat(buffers);
    const [received] = decoded([bytes]) as Extract<Frame, { data: Uint8Array }>[];
    expect(received?.data.buffer).toBe(bytes.buffer);
    expect(Buffer.from(received?.data ?? []).equals(sent.data)).toBe(true);
  });

  test('carry the long parts of a packet as views too', () => {
    const [head, long, tag] = [new Uint8Array(68), new Uint8Array(16 * 1024).fill(7), new Uint8Array(16)];
    const buffers = encodeFrames([{ type: FrameType.packet, call: 0, head, body: [long, tag] }]);
    expect(buffers.filter(({ buffer }) => buffer === long.buffer)).toHaveLength(1);
    const bytes = Buffer.concat(buffers);
    const [received] = decoded([bytes]) as Extract<Frame, { head: Uint8Array }>[];
    expect(received?.body).toHaveLength(1);
    for (const view of [received?.head, received?.body[0]]) expect(view?.buffer).toBe(bytes.buffer);
  });

  test('that are short share one buffer', () => {
    expect(encodeFrames(Array.from({ length: 100 }, () => dataFrame(128)))).toHaveLength(1);
  });
});

describe('bytes that are no frames', () => {
  test('never make the decoder throw anything but its own error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) =>
        onlyFrameErrors(chunks),
      ),
      { numRuns: 1_000 },
    );
    // Random bytes seldom get past the length: here it is right, and the type is one that is looked into.
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        (type, body) => onlyFrameErrors([framed([type, ...body])]),
      ),
      { numRuns: 2_000 },
    );
  });

  test('that claim 4 GiB are refused at once, and nothing is allocated for them', () => {
    const claim = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f);
    const before = process.memoryUsage().arrayBuffers;
    // The third byte is enough to tell.
    expect(() => new FrameDecoder().push(claim.subarray(0, 3), [])).toThrow(FrameError);
    for (let i = 0; i < 1_000; i += 1) expect(() => new FrameDecoder().push(claim, [])).toThrow(FrameError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  const open = (...rest: number[]) => framed([FrameType.open, 1, 0, ...rest]);
  const cases: [string, Uint8Array][] = [
    ['a frame over the limit', Uint8Array.of(0x81, 0x88, 0x04)],
    ['a length in more than three bytes', Uint8Array.of(0x80, 0x80, 0x80, 0x00)],
    ['an empty frame', Uint8Array.of(0)],
    ['a frame without a call', framed([FrameType.data])],
    ['a call that does not end', framed([FrameType.data, 0x80, 0x80])],
    ['a call over 2^53 - 1', framed([FrameType.data, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0])],
    [
      'an integer of nine bytes',
      framed([FrameType.credit, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
    ],
    ['type 0', framed([0, 1, 0])],
    ['an unknown type below 0x80', framed([0x7f, 1, 0])],
    ['DATA for call 0', framed([FrameType.data, 0, 0])],
    ['OPEN for call 0', framed([FrameType.open, 0, 0, 0, 0, 0])],
    ['RESET for call 0', framed([FrameType.reset, 0, 1])],
    ['DATA without flags', framed([FrameType.data, 1])],
    ['OPEN without flags', framed([FrameType.open, 1])],
    ['OPEN without a length', open(0)],
    ['OPEN with a service longer than the frame', open(0, 0, 5, 65)],
    ['OPEN with a service of 256 bytes', open(0, 0, 0x80, 2, ...new Array(256).fill(65))],
    ['OPEN with a service of 4 GiB', open(0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['OPEN with a service that is not UTF-8', open(0, 0, 1, 0xff)],
    ['CREDIT without a number', framed([FrameType.credit, 1])],
    ['CREDIT with bytes left over', framed([FrameType.credit, 1, 1, 0])],
    ['PACKET for a call', framed([FrameType.packet, 1, 0])],
    ['PACKET without the length of its head', framed([FrameType.packet, 0])],
    ['PACKET with a head longer than the frame', framed([FrameType.packet, 0, 3, 1, 2])],
    ['RESET without a code', framed([FrameType.reset, 1])],
    ['RESET with a reason that is not UTF-8', framed([FrameType.reset, 1, 1, 0xc0])],
    ['RESET with a reason too long', framed([FrameType.reset, 1, 1, ...new Array(1_025).fill(65)])],
  ];
  test.each(cases)('are refused: %s', (_, bytes) => {
    expect(() => decoded([bytes])).toThrow(FrameError);
    expect(() => decoded(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toThrow(FrameError);
  });

  test('are not refused at the limits themselves', () => {
    const most = framed([FrameType.data, 1, 0, ...new Uint8Array(MAX_FRAME_BYTES - 3)]);
    expect(decoded([most])).toHaveLength(1);
    expect(decoded([framed([FrameType.reset, 1, 1, ...new Array(1_024).fill(65)])])).toHaveLength(1);
    expect(decoded([open(0, 0, 0xff, 1, ...new Array(255).fill(65))])).toHaveLength(1);
  });
});

test('a frame uses of the window what it carries and a fixed part, CREDIT nothing', () => {
  expect(costOf(dataFrame(100))).toBe(116);
  expect(costOf({ type: FrameType.reset, call: 1, code: 1, reason: 'naïve' })).toBe(16 + 6);
  expect(costOf({ type: FrameType.credit, call: 1, bytes: 100 })).toBe(0);
  const body = [new Uint8Array(1_000), new Uint8Array(16)];
  expect(costOf({ type: FrameType.packet, call: 0, head: new Uint8Array(68), body })).toBe(16 + 1_084);
  const opened = {
    type: FrameType.open,
    call: 1,
    flags: 0,
    timeoutMs: 0,
    totalBytes: 9,
    service: 'é',
  } as const;
  expect(costOf({ ...opened, data: new Uint8Array(5) })).toBe(16 + 2 + 5);
});

function onlyFrameErrors(chunks: readonly Uint8Array[]): void {
  try {
    decoded(chunks);
  } catch (error) {
    expect(error).toBeInstanceOf(FrameError);
  }
}
