import {
  decodeClientFrame,
  decodeServerFrame,
  FrameDecoder,
  maxFrameBytes,
  maxPartBytes,
  sendClientFrame,
  sendServerFrame,
} from '@peerd/protocol/control';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FrameSink } from '../src/control/messages.ts';
import { Outgoing } from '../src/control/outgoing.ts';

/** A frame that says which call it is of and which of that one's frames, and has a payload of some bytes. */
function add(outgoing: Outgoing, call: number, index: number, bytes: number): void {
  const head = Buffer.of(call, index);
  outgoing.add(call, head, new Uint8Array(bytes).fill(call * 16 + index));
  head.fill(0xff);
}

class Receiver {
  readonly #decoder = new FrameDecoder();
  readonly frames: { call: number; index: number; bytes: number }[] = [];

  push(buffers: readonly Uint8Array[]): void {
    for (const buffer of buffers)
      this.#decoder.push(buffer, (bytes, start, end) => {
        const [call, index] = bytes.subarray(start, start + 2) as unknown as [number, number];
        const payload = bytes.subarray(start + 2, end);
        const checked = payload.length > 1_000_000 ? payload.subarray(-1_000) : payload;
        expect(checked.every((byte) => byte === ((call * 16 + index) & 0xff))).toBe(true);
        this.frames.push({ call, index, bytes: payload.length });
      });
  }

  get atBoundary(): boolean {
    return this.#decoder.atBoundary;
  }
}

const sizes = [0, 1, 128, 4_094, 4_095, maxPartBytes - 2, maxPartBytes - 1, maxPartBytes, 300_000];

describe('what a link has to write', () => {
  test('arrives whole and in the order of each call, in whatever portions it goes out', () => {
    const step = fc.record({
      call: fc.integer({ min: 1, max: 12 }),
      bytes: fc.constantFrom(...sizes),
      collects: fc.boolean(),
      isWritten: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outgoing = new Outgoing();
        const receiver = new Receiver();
        const sent: Receiver['frames'] = [];
        for (const { call, bytes, collects, isWritten } of steps) {
          const index = sent.filter((each) => each.call === call).length % 16;
          add(outgoing, call, index, bytes);
          sent.push({ call, index, bytes });
          if (!collects) continue;
          receiver.push(outgoing.collect());
          if (isWritten) outgoing.written();
        }
        while (outgoing.bytes > 0) receiver.push(outgoing.collect());
        expect(receiver.atBoundary).toBe(true);
        const of = (frames: Receiver['frames'], call: number) => frames.filter((each) => each.call === call);
        expect(receiver.frames).toHaveLength(sent.length);
        for (let call = 1; call <= 12; call += 1) expect(of(receiver.frames, call)).toEqual(of(sent, call));
      }),
    );
  });

  test('has a short frame before the rest of a long one, and little of that before it', () => {
    const outgoing = new Outgoing();
    const receiver = new Receiver();
    add(outgoing, 1, 0, 16_000_000);
    receiver.push(outgoing.collect());
    add(outgoing, 2, 0, 128);
    const buffers = outgoing.collect();
    expect(buffers.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(300_000);
    receiver.push(buffers);
    expect(receiver.frames).toEqual([{ call: 2, index: 0, bytes: 128 }]);
  });

  test.each([
    [4, 1024 * 1024 + 1],
    [16, 1024 * 1024 + 1],
    [16, 300_000],
  ])('has each of %i long frames soon, however many more of %i bytes come', (backlog, bytes) => {
    const outgoing = new Outgoing();
    const since = new Map<number, number>();
    let last = 0;
    let oldest = 0;
    const payload = new Uint8Array(bytes);
    const add = (portion: number) => {
      last += 1;
      outgoing.add(last, Buffer.from(String(last)), payload);
      since.set(last, portion);
    };
    for (let i = 0; i < backlog; i += 1) add(0);
    const decoder = new FrameDecoder();
    for (let portion = 0; portion < 2_000; portion += 1)
      for (const buffer of outgoing.collect())
        decoder.push(buffer, (frame, start, end) => {
          const head = Buffer.from(frame.subarray(start, end - bytes)).toString();
          oldest = Math.max(oldest, portion - (since.get(Number(head)) ?? 0));
          since.delete(Number(head));
          add(portion);
        });
    const stillOpen = Math.max(...[...since.values()].map((portion) => 2_000 - portion));
    const portionsOfAll = (backlog * bytes) / (256 * 1024);
    expect(Math.max(oldest, stillOpen)).toBeLessThan(2 * portionsOfAll + 4);
  });

  test('has a cancellation after the request that it cancels', () => {
    const outgoing = new Outgoing();
    const receiver = new Receiver();
    add(outgoing, 1, 0, 1_000_000);
    add(outgoing, 1, 1, 0);
    while (outgoing.bytes > 0) receiver.push(outgoing.collect());
    expect(receiver.frames.map(({ index }) => index)).toEqual([0, 1]);
  });

  test.each([
    {
      from: 'the daemon',
      send: (sink: FrameSink, payload: Uint8Array) => {
        sendServerFrame(sink, 7, { case: 'answer', value: { payload } });
        sendServerFrame(sink, 7, { case: 'inbound', value: { payload: new Uint8Array(9) } });
      },
      decode: decodeServerFrame,
    },
    {
      from: 'a client',
      send: (sink: FrameSink, payload: Uint8Array) => {
        sendClientFrame(sink, 7, { case: 'request', value: { payload } });
        sendClientFrame(sink, 7, { case: 'answer', value: { payload: new Uint8Array(9), last: true } });
      },
      decode: decodeClientFrame,
    },
  ])('keeps calls apart from inbound requests of the same number: $from', ({ send, decode }) => {
    const outgoing = new Outgoing();
    send({ send: (lane, head, payload) => outgoing.add(lane, head, payload) }, new Uint8Array(1_000_000));
    const payloads: number[] = [];
    const decoder = new FrameDecoder();
    while (outgoing.bytes > 0)
      for (const buffer of outgoing.collect())
        decoder.push(buffer, (bytes, start, end) => {
          const { value } = decode(bytes, start, end).body;
          payloads.push((value as { payload: Uint8Array }).payload.length);
        });
    expect(payloads).toEqual([9, 1_000_000]);
  });

  test('brings a longest frame through while others keep coming', () => {
    const outgoing = new Outgoing();
    const receiver = new Receiver();
    for (let call = 1; call <= 8; call += 1) add(outgoing, call, 0, 8_000_000);
    add(outgoing, 9, 0, maxFrameBytes - 2);
    for (let turn = 0; receiver.frames.every(({ call }) => call !== 9); turn += 1) {
      expect(turn).toBeLessThan(2_000);
      if (outgoing.bytes < 60_000_000) add(outgoing, 10 + (turn % 5), 0, 8_000_000);
      receiver.push(outgoing.collect());
    }
  });

  test('goes out at once when all of it is asked for', () => {
    const outgoing = new Outgoing();
    const receiver = new Receiver();
    for (let call = 1; call <= 12; call += 1) add(outgoing, call, 0, 500_000);
    receiver.push(outgoing.collect(true));
    expect(receiver.frames).toHaveLength(12);
    expect(outgoing.bytes).toBe(0);
  });

  test('does not take a frame over the limit', () => {
    const outgoing = new Outgoing();
    expect(() => add(outgoing, 1, 0, maxFrameBytes)).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect(outgoing.bytes).toBe(0);
  });
});
