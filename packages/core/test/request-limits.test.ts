import type { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { END_MESSAGE, END_STREAM, type Frame, FrameType } from '../src/request/frames.ts';
import type { RequestOutput } from '../src/request/messages.ts';
import { RequestState } from '../src/request/state.ts';
import { defaultLimits } from '../src/settings.ts';
import { FakeContext } from './support/context.ts';
import { type SimNode, SimPair } from './support/request-pair.ts';

const bytes = (length: number) => new Uint8Array(length);
const answering = (node: SimNode, length: number) => {
  node.onRequest = ({ key }) =>
    node.inbox.push({ type: 'request/answer', key, payload: bytes(length), end: true });
};
const error = (node: SimNode, ref: number): PeerdError => {
  const outcome = node.outcome(ref);
  if ('value' in outcome) throw new Error(`call ${ref} was answered`);
  return outcome.error;
};
/** Nothing of any call is left on either side. */
const expectEmpty = (pair: SimPair) => {
  for (const node of [pair.a, pair.b])
    expect(node.snapshot).toMatchObject({
      heldBytes: 0,
      outbound: { calls: [] },
      inbound: { calls: [], fallback: [], callers: [] },
    });
};
const opens = (node: SimNode) => node.written.filter(({ frame }) => frame.type === FrameType.open).length;

describe('the limit on payloads', () => {
  test.each([
    { limit: 'of the caller', a: { maxPayloadBytes: 1_000 }, b: {} },
    { limit: 'of the other side', a: {}, b: { maxPayloadBytes: 1_000 } },
  ])('$limit holds for requests: one byte more is too-large, and no handler sees it', ({ a, b }) => {
    const pair = new SimPair({ a, b });
    answering(pair.b, 0);
    const most = pair.a.ask({ payload: bytes(1_000) });
    const more = pair.a.ask({ payload: bytes(1_001) });
    pair.run();
    expect(pair.a.code(most)).toBe('ok');
    expect(error(pair.a, more)).toMatchObject({ code: 'too-large' });
    expect(error(pair.a, more).message).toContain('1001 bytes, over the limit of 1000');
    expect(pair.b.dispatched).toHaveLength(1);
    expectEmpty(pair);
  });

  test.each([
    { limit: 'of who answers', a: {}, b: { maxPayloadBytes: 1_000 } },
    { limit: 'of the caller', a: { maxPayloadBytes: 1_000 }, b: {} },
  ])('$limit holds for answers', ({ a, b }) => {
    const pair = new SimPair({ a, b });
    answering(pair.b, 1_000);
    const most = pair.a.ask({});
    pair.run();
    answering(pair.b, 1_001);
    const more = pair.a.ask({});
    pair.run();
    expect(pair.a.code(most)).toBe('ok');
    expect(error(pair.a, more)).toMatchObject({ code: 'too-large' });
    expect(error(pair.a, more).message).toContain('over the limit of 1000');
    expectEmpty(pair);
  });

  test('ends a request that claims little and sends more as soon as it does', () => {
    const pair = new SimPair({ b: { maxPayloadBytes: 20_000 } });
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'mallory', connection: 'c' });
    const open: Frame = {
      type: FrameType.open,
      call: 1,
      flags: 0,
      timeoutMs: 0,
      totalBytes: 1,
      service: '',
      data: bytes(15_000),
    };
    const more: Frame = { type: FrameType.data, call: 1, flags: 0, data: bytes(15_000) };
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames: [open, more, more], bytes: 0 });
    pair.run();
    expect(pair.b.written).toMatchObject([{ frame: { type: FrameType.reset, call: 1, code: 7 } }]);
    expectEmpty(pair);
  });

  test('refuses a request that claims 4 GiB when it is opened, and holds nothing for it', () => {
    const pair = new SimPair();
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'mallory', connection: 'c' });
    const claims = Array.from({ length: 1_000 }, (_, i): Frame => {
      return {
        type: FrameType.open,
        call: i + 1,
        flags: 0,
        timeoutMs: 0,
        totalBytes: 2 ** 32,
        service: '',
        data: bytes(10),
      };
    });
    const before = process.memoryUsage().arrayBuffers;
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames: claims, bytes: 0 });
    pair.run();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
    expect(pair.b.written).toHaveLength(1_000);
    expect(pair.b.written[0]).toMatchObject({ frame: { type: FrameType.reset, code: 7 } });
    expectEmpty(pair);
  });
});

describe('limits on calls in flight', () => {
  test('of ours: one more is busy and nothing of it is sent; when one has ended there is room', () => {
    const pair = new SimPair({ a: { maxOutboundCalls: 3 } });
    const refs = [1, 2, 3, 4].map(() => pair.a.ask({}));
    pair.run();
    expect(error(pair.a, refs[3] as number)).toMatchObject({ code: 'busy' });
    expect(opens(pair.a)).toBe(3);
    pair.b.inbox.push({ type: 'request/answer', key: 1, payload: bytes(0), end: true });
    pair.run();
    const next = pair.a.ask({});
    pair.run();
    expect(opens(pair.a)).toBe(4);
    expect(pair.a.isSettled(next)).toBe(false);
  });

  test('of one peer: one more is answered busy; when one has ended there is room', () => {
    const pair = new SimPair({ b: { maxInboundCallsPerPeer: 2 } });
    const refs = [1, 2, 3].map(() => pair.a.ask({}));
    pair.run();
    expect(error(pair.a, refs[2] as number)).toMatchObject({ code: 'busy' });
    expect(pair.b.dispatched).toHaveLength(2);
    pair.b.inbox.push({ type: 'request/answer', key: 1, payload: bytes(0), end: true });
    pair.run();
    pair.a.ask({});
    pair.run();
    expect(pair.b.dispatched).toHaveLength(3);
  });

  test('in bytes: a request for which there is no room is busy, one that is alone goes out whatever its size', () => {
    const pair = new SimPair({ a: { maxBytesInFlight: 1_000 } });
    const alone = pair.a.ask({ payload: bytes(5_000) });
    const more = pair.a.ask({ payload: bytes(1) });
    pair.run();
    expect(error(pair.a, more)).toMatchObject({ code: 'busy' });
    pair.b.inbox.push({ type: 'request/answer', key: 1, payload: bytes(0), end: true });
    pair.run();
    expect(pair.a.code(alone)).toBe('ok');
    answering(pair.b, 0);
    const next = pair.a.ask({ payload: bytes(1) });
    pair.run();
    expect(pair.a.code(next)).toBe('ok');
    expectEmpty(pair);
  });

  test('in bytes: who answers says busy to a request for which there is no room', () => {
    const pair = new SimPair({ b: { maxBytesInFlight: 10_000 } });
    const first = pair.a.ask({ payload: bytes(8_000) });
    pair.run();
    const second = pair.a.ask({ payload: bytes(8_000) });
    pair.run();
    expect(error(pair.a, second)).toMatchObject({ code: 'busy' });
    expect(pair.a.isSettled(first)).toBe(false);
    // Its bytes, and what a chunk takes besides them.
    expect(pair.b.snapshot.heldBytes).toBe(8_000 + 128);
  });

  test('in bytes: an answer for which the caller has no room is busy, and the other side is told to stop', () => {
    const pair = new SimPair({ a: { maxBytesInFlight: 10_000 } });
    pair.b.onRequest = ({ key }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(200_000), end: false });
    const ref = pair.a.ask({ stream: true });
    pair.run();
    expect(error(pair.a, ref)).toMatchObject({ code: 'busy' });
    expect([...pair.b.aborted.values()]).toEqual(['the caller cancelled']);
    expectEmpty(pair);
  });

  test('in bytes: answers that wait to be written count, and one for which there is no room is busy', () => {
    const pair = new SimPair({ b: { maxBytesInFlight: 500_000 } });
    // More than the window of a call, so that most of it waits for a reader that never takes it.
    pair.b.onRequest = ({ key }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(400_000), end: false });
    const stalled = pair.a.ask({ stream: true });
    pair.run();
    pair.b.onRequest = ({ key }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(400_000), end: true });
    pair.step(pair.b, { type: 'request/blocked', link: -1 });
    const first = pair.a.ask({});
    const second = pair.a.ask({});
    pair.run();
    pair.b.inbox.push({ type: 'request/drained', link: -1 });
    pair.run();
    expect(pair.a.isSettled(stalled)).toBe(false);
    expect(pair.a.code(first)).toBe('ok');
    expect(error(pair.a, second)).toMatchObject({ code: 'busy' });
  });
});

describe('the limit on calls of one peer', () => {
  const open = (call: number): Frame => ({
    type: FrameType.open,
    call,
    flags: 3,
    timeoutMs: 0,
    totalBytes: 0,
    service: '',
    data: bytes(0),
  });

  test('counts all its streams and the calls it makes over tinyp2p together', () => {
    const context = new FakeContext<RequestOutput>();
    const state = new RequestState(context, { ...defaultLimits, maxInboundCallsPerPeer: 2 });
    const { handlers } = state;
    for (const link of [-1, -2])
      handlers['request/link-inbound']({
        type: 'request/link-inbound',
        link,
        peer: 'p',
        connection: `c${link}`,
      });
    const frames = (link: number, call: number) =>
      handlers['request/frames']({ type: 'request/frames', link, frames: [open(call)], bytes: 10 });
    const dispatched = () => context.takeOf('request/dispatch').map(({ key }) => key);
    frames(-1, 1);
    handlers['fallback/inbound']({ type: 'fallback/inbound', key: -1, peer: 'p', payload: bytes(0) });
    expect(dispatched()).toHaveLength(2);
    frames(-2, 1);
    handlers['fallback/inbound']({ type: 'fallback/inbound', key: -2, peer: 'p', payload: bytes(0) });
    expect(dispatched()).toEqual([]);
    handlers['fallback/closed']({ type: 'fallback/closed', key: -1 });
    frames(-2, 2);
    expect(dispatched()).toHaveLength(1);
  });
});

test('a caller that gives a request 49 days has it ended after a day', () => {
  const pair = new SimPair();
  pair.step(pair.b, { type: 'request/link-inbound', link: -9, peer: 'p', connection: 'c' });
  const open: Frame = {
    type: FrameType.open,
    call: 1,
    flags: 3,
    timeoutMs: 0xffff_ffff,
    totalBytes: 0,
    service: '',
    data: bytes(0),
  };
  pair.step(pair.b, { type: 'request/frames', link: -9, frames: [open], bytes: 10 });
  const dayMs = 24 * 60 * 60 * 1_000;
  pair.pass(dayMs - 1_000);
  expect(pair.b.aborted.size).toBe(0);
  pair.pass(3_000);
  expect([...pair.b.aborted.values()]).toEqual([`not answered within ${dayMs} ms`]);
  expectEmpty(pair);
});

test('requests of our own features take no place of a program, and are not counted', () => {
  const pair = new SimPair({ a: { maxOutboundCalls: 1 } });
  const own = {
    type: 'request/internal',
    peer: 'peer',
    service: '$peerd/subscribed',
    timeoutMs: 1_000,
  } as const;
  for (const ref of [-1, -2]) pair.a.inbox.push({ ...own, ref, payload: bytes(0) });
  const first = pair.a.ask({});
  const second = pair.a.ask({});
  pair.run();
  expect(pair.a.isSettled(first)).toBe(false);
  expect(error(pair.a, second)).toMatchObject({ code: 'busy' });
  expect(pair.a.snapshot.outbound.calls).toHaveLength(3);
  expect(pair.a.state.inFlight.outbound).toBe(1);
});

describe('the bytes in flight', () => {
  /** Two peers on a node with room for 1,000 bytes, a stream each. */
  const two = () => {
    const context = new FakeContext<RequestOutput>();
    const state = new RequestState(context, { ...defaultLimits, maxBytesInFlight: 1_000 });
    const links = { mallory: -1, alice: -2 };
    for (const [peer, link] of Object.entries(links)) {
      const connection = `c${link}`;
      state.handlers['peer/admitted']({
        type: 'peer/admitted',
        connection,
        peer,
        kind: 'peerd',
        name: peer,
        roles: [],
      });
      state.handlers['request/link-inbound']({ type: 'request/link-inbound', link, peer, connection });
    }
    const ask = (peer: keyof typeof links, call: number, length: number): string[] => {
      const data = bytes(length);
      const frame: Frame = {
        type: FrameType.open,
        call,
        flags: END_MESSAGE | END_STREAM,
        timeoutMs: 0,
        totalBytes: length,
        service: '',
        data,
      };
      state.handlers['request/frames']({
        type: 'request/frames',
        link: links[peer],
        frames: [frame],
        bytes: length,
      });
      state.flush();
      return context.take().flatMap((output) => {
        if (output.type === 'request/dispatch') return 'taken';
        if (output.type !== 'request/write') return [];
        return output.frames.flatMap((each) => (each.type === FrameType.reset ? each.reason : []));
      });
    };
    const answer = (key: number, length: number) =>
      state.handlers['request/answer']({ type: 'request/answer', key, payload: bytes(length), end: true });
    /** Over tinyp2p. Returns whether it was taken. */
    const fallback = (peer: keyof typeof links, key: number, length: number) => {
      state.handlers['fallback/inbound']({ type: 'fallback/inbound', key, peer, payload: bytes(length) });
      return context.take().some(({ type }) => type === 'request/dispatch');
    };
    const held = () => (state.snapshot() as SimNode['snapshot']).inbound.callers;
    return { ask, answer, fallback, held, state };
  };

  test('of one peer are half of what there is, so that another finds room', () => {
    const { ask, held, state } = two();
    // Each counts for 128 more.
    expect(ask('mallory', 1, 100)).toEqual(['taken']);
    expect(ask('mallory', 2, 100)).toEqual(['taken']);
    expect(ask('mallory', 3, 100)).toEqual([
      '684 bytes of the caller are in flight, more than are free for others',
    ]);
    expect(ask('alice', 1, 100)).toEqual(['taken']);
    expect(ask('alice', 2, 100)).toEqual([
      '456 bytes of the caller are in flight, more than are free for others',
    ]);
    expect(held()).toEqual([
      ['mallory', 2, 456],
      ['alice', 1, 228],
    ]);
    expect(state.quotas.map(({ info }) => info)).toContainEqual({
      name: 'bytes in flight of the busiest peer',
      unit: 'bytes',
      size: 456,
      limit: (1_000 - 228) / 2,
      refused: 2,
    });
  });

  test('of one peer are those of answers too, and of calls over tinyp2p', () => {
    const { ask, answer, fallback, held } = two();
    ask('mallory', 1, 100);
    answer(1, 300);
    expect(held()).toEqual([['mallory', 1, 228 + 300]]);
    expect(fallback('mallory', -1, 1)).toBe(false);
    expect(fallback('alice', -2, 200)).toBe(true);
    expect(held()).toContainEqual(['alice', 1, 200]);
    expect(fallback('alice', -3, 100)).toBe(false);
  });

  test('let an answer in that the request alone would not have been: it was handled', () => {
    const { ask, answer, held } = two();
    ask('mallory', 1, 100);
    ask('mallory', 2, 100);
    answer(1, 300);
    expect(held()).toEqual([['mallory', 2, 456 + 300]]);
  });

  test('of a peer are none when its calls are over', () => {
    const { ask, answer, fallback, held, state } = two();
    ask('mallory', 1, 100);
    fallback('mallory', -1, 100);
    fallback('alice', -2, 100);
    answer(1, 300);
    state.flush();
    answer(-1, 10);
    state.handlers['fallback/closed']({ type: 'fallback/closed', key: -2 });
    expect(held()).toEqual([]);
  });

  test('of one call may be more than half: else none that long would ever be taken', () => {
    const { ask } = two();
    expect(ask('mallory', 1, 800)).toEqual(['taken']);
    expect(ask('alice', 1, 100)).toEqual(['1000 bytes are in flight']);
  });

  const part = (data: Uint8Array): Frame => ({ type: FrameType.data, call: 1, flags: 0, data });

  test('count what a message in many small parts takes, not only what it holds', () => {
    const pair = new SimPair();
    pair.step(pair.b, { type: 'request/link-inbound', link: -9, peer: 'p', connection: 'c' });
    const opening: Frame = {
      type: FrameType.open,
      call: 1,
      flags: 0,
      timeoutMs: 0,
      totalBytes: 1_000,
      service: '',
      data: bytes(0),
    };
    const frames = [opening, ...Array.from({ length: 1_000 }, () => part(bytes(64 * 1024).subarray(0, 1)))];
    const pinnedBytes = 64 * 1024;
    pair.step(pair.b, { type: 'request/frames', link: -9, frames, bytes: 1_000, pinnedBytes });
    expect(pair.b.snapshot.heldBytes).toBe(1_000 * (1 + 128));
  });

  test('count a message that keeps its packet alive with a share of that', () => {
    const pair = new SimPair();
    const packet = bytes(64 * 1024);
    pair.step(pair.b, { type: 'request/link-inbound', link: -9, peer: 'p', connection: 'c' });
    const whole: Frame = {
      type: FrameType.open,
      call: 1,
      flags: 3,
      timeoutMs: 0,
      totalBytes: 1,
      service: '',
      data: packet.subarray(0, 1),
    };
    const pinnedBytes = packet.length;
    pair.step(pair.b, { type: 'request/frames', link: -9, frames: [whole], bytes: 10, pinnedBytes });
    expect(pair.b.snapshot.heldBytes).toBe(128 + packet.length / 16);
  });

  test.each([0, 1, 40_000])(
    'are those of what the reader of a stream has not taken: %i bytes a message',
    (length) => {
      const pair = new SimPair();
      const ref = pair.a.ask({ stream: true });
      pair.run();
      const { link } = pair.a.written[0] as { link: number };
      const answers = ['first', 'second', 'third'].map((): Frame => {
        const data = bytes(64 * 1024).subarray(0, length);
        return { type: FrameType.data, call: 1, flags: END_MESSAGE, data };
      });
      pair.step(pair.a, {
        type: 'request/frames',
        link,
        frames: answers,
        bytes: length,
        pinnedBytes: 64 * 1024,
      });
      const untaken = answers.map(() => {
        const held = pair.a.snapshot.heldBytes;
        pair.step(pair.a, { type: 'request/consumed', ref, bytes: length });
        return held;
      });
      const each = length === 0 ? 0 : 128 + Math.max(length, 4_096);
      expect([...untaken, pair.a.snapshot.heldBytes]).toEqual([3 * each, 2 * each, each, 0]);
    },
  );
});
