import { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { CALL_WINDOW_BYTES, END_MESSAGE, END_STREAM, type Frame, FrameType } from '../src/request/frames.ts';
import { type SimNode, SimPair } from './support/request-pair.ts';

const bytes = (length: number) => new Uint8Array(length);
const whole = END_MESSAGE | END_STREAM;
const open = (call: number, flags = whole, data = bytes(0)): Frame => ({
  type: FrameType.open,
  call,
  flags,
  timeoutMs: 0,
  totalBytes: data.length,
  service: '',
  data,
});
const data = (call: number, length = 0, flags = 0): Frame => ({
  type: FrameType.data,
  call,
  flags,
  data: bytes(length),
});

describe('a peer that breaks the protocol', () => {
  const table: { name: string; frames: Frame[]; reason: string }[] = [
    { name: 'opens a call twice', frames: [open(1), open(1)], reason: 'opened before' },
    { name: 'opens a call below one it opened', frames: [open(5), open(4)], reason: 'opened before' },
    {
      name: 'sends data for a call that it has not opened',
      frames: [open(1), data(2)],
      reason: 'DATA before OPEN',
    },
    {
      name: 'sends more of a request than it was granted',
      frames: [open(1, 0), ...Array.from({ length: 65 }, () => data(1, 16 * 1024))],
      reason: 'more sent than the call had credit for',
    },
    {
      name: 'sends more on a stream than it was granted',
      frames: Array.from({ length: 72_000 }, (_, i) => open(i + 1)),
      reason: 'more sent than the stream had credit for',
    },
  ];
  test.each(table)('is cut off when it $name, with the reason, and its calls end', ({ frames, reason }) => {
    const pair = new SimPair();
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'mallory', connection: 'c' });
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames, bytes: 0 });
    pair.run();
    expect(pair.b.closed).toHaveLength(1);
    expect(pair.b.closed[0]?.reason).toContain(reason);
    expect(pair.b.snapshot).toMatchObject({ heldBytes: 0, inbound: { calls: [] } });
    expect(pair.b.aborted.size).toBe(pair.b.dispatched.length);
  });

  test('is cut off when it opens a call on our stream, and calls on it are disconnected', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({});
    pair.run();
    pair.a.inbox.push({ type: 'request/frames', link: 1, frames: [open(1)], bytes: 0 });
    pair.run();
    expect(pair.a.closed[0]?.reason).toContain('OPEN from the side that answers');
    expect(pair.a.code(ref)).toBe('disconnected');
  });

  test('does no harm to calls of others', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({});
    pair.run();
    pair.step(pair.b, { type: 'request/link-inbound', link: -9, peer: 'mallory', connection: 'd' });
    pair.b.inbox.push({ type: 'request/frames', link: -9, frames: [data(1)], bytes: 0 });
    pair.b.inbox.push({ type: 'request/answer', key: 1, payload: bytes(3), end: true });
    pair.run();
    expect(pair.a.code(ref)).toBe('ok');
  });

  test.each<[string, Frame[], string]>([
    ['ends its request before the message', [open(1, END_STREAM)], 'the request ended before its message'],
    [
      'sends two messages as one request',
      [open(1, END_MESSAGE), data(1, 3, whole)],
      'a request is one message',
    ],
  ])('is told so for that call alone when it %s', (_, frames, reason) => {
    const pair = new SimPair();
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'mallory', connection: 'c' });
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames: [...frames, open(2)], bytes: 0 });
    pair.run();
    expect(pair.b.closed).toEqual([]);
    expect(pair.b.written).toMatchObject([{ frame: { type: FrameType.reset, call: 1, code: 2, reason } }]);
    expect(pair.b.dispatched.at(-1)).toMatchObject({ peer: 'mallory' });
  });

  test('may send what is left of a call that is over: that was on its way', () => {
    const pair = new SimPair();
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'mallory', connection: 'c' });
    const late: Frame[] = [
      data(1, 9),
      { type: FrameType.credit, call: 1, bytes: 5 },
      { type: FrameType.reset, call: 1, code: 10, reason: '' },
    ];
    pair.b.inbox.push({
      type: 'request/frames',
      link: -1,
      frames: [open(1, END_STREAM), ...late, open(2)],
      bytes: 0,
    });
    pair.run();
    expect(pair.b.closed).toEqual([]);
    expect(pair.b.dispatched).toHaveLength(1);
  });
});

describe('a connection that breaks', () => {
  const written = (node: SimNode) => node.written.filter(({ frame }) => frame.type === FrameType.open).length;

  test('ends a call that was written: whether it was handled is unknown; the far handler hears of it', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({});
    pair.run();
    pair.close(pair.a, 1);
    pair.run();
    expect(pair.a.outcome(ref)).toMatchObject({ error: { code: 'disconnected' } });
    expect(pair.b.aborted.get(1)).toBe('the caller is gone');
    expect(pair.b.dispatched).toHaveLength(1);
  });

  test('does not end a call of which nothing was written: it goes out on the next one, once', () => {
    const pair = new SimPair();
    pair.b.onRequest = ({ key }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(4), end: true });
    pair.a.ask({});
    pair.run();
    pair.step(pair.a, { type: 'request/blocked', link: 1 });
    const refs = [pair.a.ask({}), pair.a.ask({ payload: bytes(CALL_WINDOW_BYTES * 2) })];
    pair.run();
    expect(refs.some((ref) => pair.a.isSettled(ref))).toBe(false);
    pair.close(pair.a, 1);
    pair.run();
    expect(refs.map((ref) => pair.a.code(ref))).toEqual(['ok', 'ok']);
    expect(written(pair.a)).toBe(3);
    expect(pair.b.dispatched).toHaveLength(3);
  });

  test('ends a call as unreachable when a second one breaks before anything was written', () => {
    const pair = new SimPair();
    pair.refusesLinks = true;
    const ref = pair.a.ask({});
    pair.run();
    pair.a.inbox.push({ type: 'request/link-failed', link: 1, code: 'unreachable', message: 'no stream' });
    pair.run();
    expect(pair.a.isSettled(ref)).toBe(false);
    pair.a.inbox.push({ type: 'request/link-failed', link: 2, code: 'unreachable', message: 'no stream' });
    pair.run();
    expect(pair.a.outcome(ref)).toMatchObject({ error: { code: 'unreachable', message: 'peer: no stream' } });
    expect(pair.a.snapshot).toMatchObject({ heldBytes: 0, outbound: { calls: [] } });
  });

  test('and comes back serves the next call', () => {
    const pair = new SimPair();
    pair.b.onRequest = ({ key }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(4), end: true });
    const before = pair.a.ask({});
    pair.run();
    pair.close(pair.a, 1);
    pair.run();
    const after = pair.a.ask({});
    pair.run();
    expect([pair.a.code(before), pair.a.code(after)]).toEqual(['ok', 'ok']);
  });
});

describe('a call', () => {
  test('waits with others for the one stream that is opened for all of them', () => {
    const pair = new SimPair();
    const refs = [1, 2, 3].map(() => pair.a.ask({}));
    pair.run();
    expect(new Set(pair.a.written.map(({ link }) => link))).toEqual(new Set([1]));
    expect(pair.b.dispatched).toHaveLength(refs.length);
  });

  test('that is cancelled while it waits is never sent', () => {
    const pair = new SimPair();
    pair.refusesLinks = true;
    const ref = pair.a.ask({});
    pair.run();
    pair.a.inbox.push({ type: 'request/cancel', ref });
    pair.a.inbox.push({ type: 'request/link-opened', link: 1 });
    pair.run();
    expect(pair.a.code(ref)).toBe('stopped');
    expect(pair.a.written).toEqual([]);
    expect(pair.a.snapshot).toMatchObject({ heldBytes: 0, outbound: { calls: [] } });
  });

  test('to a peer that speaks no protocol of ours is incompatible, at once', () => {
    const pair = new SimPair();
    pair.refusesLinks = true;
    const ref = pair.a.ask({});
    pair.run();
    pair.a.inbox.push({
      type: 'request/link-failed',
      link: 1,
      code: 'incompatible',
      message: 'it speaks none of ours',
    });
    pair.run();
    expect(pair.a.outcome(ref)).toMatchObject({ error: { code: 'incompatible' } });
  });

  test('whose peer is not found ends with the reason why', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({});
    pair.step(pair.a, pair.a.inbox.shift() ?? { type: 'tick' });
    pair.a.inbox.length = 0;
    pair.step(pair.a, { type: 'peer/unreached', ref, error: new PeerdError('unknown-peer', 'who?') });
    expect(pair.a.outcome(ref)).toMatchObject({ error: { code: 'unknown-peer', message: 'who?' } });
  });

  test('of a peer that vanished without a word is given up soon after its time', () => {
    const pair = new SimPair();
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'gone', connection: 'c' });
    const frames: Frame[] = [{ ...(open(1) as Extract<Frame, { type: 1 }>), timeoutMs: 500 }];
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames, bytes: 0 });
    pair.run();
    pair.pass(1_400);
    expect(pair.b.aborted.size).toBe(0);
    pair.pass(200);
    expect(pair.b.aborted.get(1)).toBe('not answered within 500 ms');
    expect(pair.b.snapshot).toMatchObject({ heldBytes: 0, inbound: { calls: [] } });
  });
});

describe('a peer that speaks only tinyp2p', () => {
  /** Has `a` find such a peer, and returns what it then sends. */
  function ask(options: Parameters<SimNode['ask']>[0]) {
    const pair = new SimPair();
    const ref = pair.a.ask(options);
    const command = pair.a.inbox.shift();
    if (command !== undefined) pair.step(pair.a, command);
    pair.a.inbox.length = 0;
    const handlers = pair.a.state.handlers;
    handlers['peer/reached']({ type: 'peer/reached', ref, peer: 'peer', connection: 'c', kind: 'other' });
    return { pair, ref, sent: pair.a.context.takeOf('fallback/send'), handlers };
  }

  test('is asked on a stream of its own', () => {
    const { pair, ref, sent, handlers } = ask({ payload: bytes(3) });
    expect(sent).toMatchObject([{ ref, connection: 'c', payload: bytes(3) }]);
    handlers['fallback/answered']({ type: 'fallback/answered', ref, payload: bytes(2) });
    pair.turn(pair.a);
    expect(pair.a.outcome(ref)).toEqual({ value: bytes(2) });
    expect(pair.a.snapshot).toMatchObject({ heldBytes: 0, outbound: { calls: [] } });
  });

  test('is no longer waited for when the caller lets go', () => {
    const { pair, ref, handlers } = ask({});
    handlers['request/cancel']({ type: 'request/cancel', ref });
    expect(pair.a.context.takeOf('fallback/cancel')).toEqual([{ type: 'fallback/cancel', ref }]);
  });

  test.each([{ service: 'clock' }, { stream: true }])('can not be asked with %o: incompatible', (options) => {
    const { pair, ref, sent } = ask(options);
    pair.turn(pair.a);
    expect(sent).toEqual([]);
    expect(pair.a.code(ref)).toBe('incompatible');
  });

  test('asks us, and is answered or refused without a reason', () => {
    const { b } = new SimPair();
    const { handlers } = b.state;
    handlers['fallback/inbound']({ type: 'fallback/inbound', key: -1, peer: 'old', payload: bytes(1) });
    handlers['fallback/inbound']({ type: 'fallback/inbound', key: -2, peer: 'old', payload: bytes(1) });
    expect(b.context.takeOf('request/dispatch')).toMatchObject([
      { key: -1, peer: 'old', service: '' },
      { key: -2 },
    ]);
    handlers['request/answer']({ type: 'request/answer', key: -1, payload: bytes(5), end: true });
    handlers['request/refuse']({ type: 'request/refuse', key: -2, code: 'refused', reason: 'no' });
    expect(b.context.takeOf('fallback/reply')).toEqual([
      { type: 'fallback/reply', key: -1, payload: bytes(5) },
      { type: 'fallback/reply', key: -2, payload: undefined },
    ]);
    expect(b.snapshot.inbound.fallback).toEqual([]);
  });

  test('that leaves before it is answered is taken off its handler', () => {
    const { b } = new SimPair();
    b.state.handlers['fallback/inbound']({
      type: 'fallback/inbound',
      key: -1,
      peer: 'old',
      payload: bytes(1),
    });
    b.state.handlers['fallback/closed']({ type: 'fallback/closed', key: -1 });
    expect(b.context.takeOf('request/abort')).toEqual([
      { type: 'request/abort', key: -1, reason: 'the caller is gone' },
    ]);
  });
});
