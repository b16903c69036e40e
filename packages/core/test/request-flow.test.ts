import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  CALL_WINDOW_BYTES,
  CHUNK_BYTES,
  type Frame,
  FrameType,
  MESSAGE_COST_BYTES,
  STREAM_WINDOW_BYTES,
} from '../src/request/frames.ts';
import { type SimNode, SimPair } from './support/request-pair.ts';

/** Collects what nobody holds any more. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** Answers every request with `length` bytes. */
const answering = (node: SimNode, length: number) => {
  node.onRequest = ({ key }) =>
    node.inbox.push({ type: 'request/answer', key, payload: new Uint8Array(length), end: true });
};

/** Answers every request with a stream without end, each message when the one before has gone out. */
function streaming(pair: SimPair, node: SimNode, length: number): void {
  let sent = 0;
  node.onRequest = ({ key }) => {
    const next = () => {
      // As the dispatcher does: nobody waits for the rest.
      if (node.aborted.has(key)) return;
      sent += 1;
      const ref = -sent;
      const accepted = node.responder<void>(ref);
      node.inbox.push({ type: 'request/answer', key, payload: new Uint8Array(length), end: false, accepted });
      waiting.set(ref, next);
    };
    next();
  };
  const waiting = new Map<number, () => void>();
  const advance = pair.advance.bind(pair);
  pair.advance = () => {
    for (const [ref, next] of [...waiting])
      if (node.isSettled(ref)) {
        waiting.delete(ref);
        next();
      }
    return advance();
  };
}

const callsOf = (frames: readonly { frame: Frame }[]) => frames.map(({ frame }) => frame.call);

describe('a large message', () => {
  test('does not hold up a small one: that waits for one chunk and not for all', () => {
    const pair = new SimPair();
    answering(pair.b, 3);
    pair.a.ask({});
    pair.run();
    const large = pair.a.ask({ payload: new Uint8Array(MiB) });
    pair.run(() => pair.a.written.length > 3);
    const before = pair.a.written.length;
    const small = pair.a.ask({ payload: new Uint8Array(100) });
    pair.run(() => pair.a.isSettled(small));
    expect(pair.a.isSettled(large)).toBe(false);
    // What one turn may write went out before the small one was there; from then on they take turns.
    const at = callsOf(pair.a.written).indexOf(3);
    const chunksBefore = pair.a.written
      .slice(before, at)
      .filter(({ frame }) => frame.type !== FrameType.credit);
    expect(chunksBefore.length).toBeLessThanOrEqual((256 * KiB) / CHUNK_BYTES);
    pair.run();
    expect([pair.a.code(large), pair.a.code(small)]).toEqual(['ok', 'ok']);
  });

  test('is whole before an equally large one that was asked for after it is half there', () => {
    const pair = new SimPair();
    answering(pair.b, 0);
    pair.a.ask({});
    pair.run();
    pair.a.written.length = 0;
    pair.a.ask({ payload: new Uint8Array(MiB) });
    pair.a.ask({ payload: new Uint8Array(MiB) });
    pair.run();
    const calls = callsOf(pair.a.written).filter((call) => call > 1);
    const second = calls.filter((call) => call === 3).length;
    const before = calls.slice(0, calls.lastIndexOf(2)).filter((call) => call === 3).length;
    expect(calls.length).toBeGreaterThan(32);
    expect(before).toBeLessThan(second / 2);
  });

  test('of 16 MiB lets one of 200 KiB go by', () => {
    const pair = new SimPair();
    answering(pair.b, 0);
    const largest = pair.a.ask({ payload: new Uint8Array(16 * MiB) });
    pair.run(() => pair.a.written.length > 30);
    const shorter = pair.a.ask({ payload: new Uint8Array(200 * KiB) });
    pair.run(() => pair.a.isSettled(shorter));
    expect(pair.a.isSettled(largest)).toBe(false);
    pair.run();
    expect(pair.a.code(largest)).toBe('ok');
  });

  test('of 16 MiB arrives whole, each way, by credit', () => {
    const pair = new SimPair({ seed: 5 });
    answering(pair.b, 16 * MiB);
    const ref = pair.a.ask({ payload: new Uint8Array(16 * MiB).fill(3) });
    pair.run();
    expect(pair.b.dispatched[0]?.payload.length).toBe(16 * MiB);
    expect(pair.b.dispatched[0]?.payload.every((byte) => byte === 3)).toBe(true);
    const outcome = pair.a.outcome(ref);
    expect('value' in outcome && outcome.value?.length).toBe(16 * MiB);
  });
});

describe('a stream of answers whose reader stalls', () => {
  const table = [
    { name: 'empty', length: 0 },
    { name: 'short', length: 100 },
    { name: 'long', length: 64 * KiB },
    { name: 'longer than the window', length: 2_500 * KiB },
  ];
  test.each(table)('stops its writer at the window: $name answers', ({ length }) => {
    const pair = new SimPair();
    streaming(pair, pair.b, length);
    const ref = pair.a.ask({ stream: true });
    pair.run();
    const messages = pair.a.messages.get(ref) ?? [];
    const received = messages.reduce((sum, message) => sum + message.length + MESSAGE_COST_BYTES, 0);
    // Until nobody waits for the reader, what came of the first message is granted again.
    expect(received).toBeLessThanOrEqual(CALL_WINDOW_BYTES + length + MESSAGE_COST_BYTES);
    expect(messages.length).toBeGreaterThan(0);
  });

  test.each(table)('goes on as it is read, no faster: $name answers', ({ length }) => {
    const pair = new SimPair();
    streaming(pair, pair.b, length);
    const ref = pair.a.ask({ stream: true });
    const perMessage = length + MESSAGE_COST_BYTES;
    let taken = 0;
    // Ten times the window or a thousand messages, one at a time.
    for (let i = 0; i < Math.min(1_000, (10 * CALL_WINDOW_BYTES) / perMessage + 20); i += 1) {
      pair.run();
      const messages = pair.a.messages.get(ref) ?? [];
      const next = messages[taken];
      if (next === undefined) throw new Error(`no answer came after ${taken}`);
      expect((messages.length - taken) * perMessage).toBeLessThanOrEqual(CALL_WINDOW_BYTES + 2 * perMessage);
      taken += 1;
      pair.a.inbox.push({ type: 'request/consumed', ref, bytes: next.length });
    }
  });

  test('leaves other calls on the same stream alone', () => {
    const pair = new SimPair();
    streaming(pair, pair.b, 1_000);
    const stream = pair.a.ask({ stream: true });
    pair.run();
    answering(pair.b, 200 * KiB);
    const others = Array.from({ length: 20 }, () => pair.a.ask({ payload: new Uint8Array(200 * KiB) }));
    pair.run();
    expect(others.map((ref) => pair.a.code(ref))).toEqual(others.map(() => 'ok'));
    expect(pair.a.isSettled(stream)).toBe(false);
  });

  test('ends at the far side when its reader lets go', () => {
    const pair = new SimPair();
    streaming(pair, pair.b, 1_000);
    const ref = pair.a.ask({ stream: true });
    pair.run();
    pair.a.inbox.push({ type: 'request/cancel', ref });
    pair.run();
    expect(pair.b.aborted.get(pair.b.dispatched[0]?.key as number)).toBe('the caller cancelled');
    expect(pair.b.snapshot).toMatchObject({ heldBytes: 0, inbound: { calls: [] } });
    expect(pair.a.snapshot).toMatchObject({ heldBytes: 0, outbound: { calls: [] } });
  });
});

describe('a stream that is full', () => {
  test('is written to again only when it has drained', () => {
    const pair = new SimPair();
    answering(pair.b, 0);
    pair.a.ask({});
    pair.run();
    const written = pair.a.written.length;
    pair.step(pair.a, { type: 'request/blocked', link: 1 });
    const ref = pair.a.ask({});
    pair.run();
    expect(pair.a.written.length).toBe(written);
    pair.a.inbox.push({ type: 'request/drained', link: 1 });
    pair.run();
    expect(pair.a.code(ref)).toBe('ok');
  });

  test('keeps nothing of the calls that were given up meanwhile', async () => {
    const pair = new SimPair();
    answering(pair.b, 0);
    pair.a.ask({});
    pair.run();
    pair.step(pair.a, { type: 'request/blocked', link: 1 });
    const payloads: WeakRef<object>[] = [];
    for (let round = 0; round < 50; round += 1) {
      for (let i = 0; i < 100; i += 1) {
        const payload = new Uint8Array(1_000);
        payloads.push(new WeakRef(payload));
        pair.a.ask({ payload, timeoutMs: 100 });
      }
      pair.run();
      pair.pass(200);
    }
    const [link] = (pair.a.state.snapshot() as { links: { queued: number[] }[] }).links;
    expect(Math.max(...(link?.queued ?? []))).toBeLessThan(1_200);
    await new Promise(setImmediate);
    collectGarbage();
    expect(payloads.filter((payload) => payload.deref() !== undefined).length).toBeLessThan(10);
    const last = pair.a.ask({});
    pair.a.inbox.push({ type: 'request/drained', link: 1 });
    pair.run();
    expect(pair.a.code(last)).toBe('ok');
    expect(pair.b.dispatched).toHaveLength(2);
  });
});

describe('calls that are refused faster than their caller reads', () => {
  /** A caller that opens calls and reads nothing: frames for `b`, as many as the window of the stream takes. */
  function flood(pair: SimPair, calls: number): void {
    const frames = Array.from({ length: calls }, (_, i): Frame => {
      const data = new Uint8Array(0);
      return { type: FrameType.open, call: i + 1, flags: 3, timeoutMs: 0, totalBytes: 0, service: '', data };
    });
    pair.step(pair.b, { type: 'request/link-inbound', link: -1, peer: 'mallory', connection: 'c' });
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames, bytes: 0 });
  }
  const refusing = (node: SimNode) => {
    node.onRequest = ({ key }) =>
      node.inbox.push({ type: 'request/refuse', key, code: 'no-handler', reason: '' });
  };
  const credits = (node: SimNode) =>
    node.written.filter(({ frame }) => frame.type === FrameType.credit && frame.call === 0);

  test('cost bounded memory: no credit is granted while their refusals wait', () => {
    const pair = new SimPair();
    refusing(pair.b);
    flood(pair, STREAM_WINDOW_BYTES / 16);
    pair.step(pair.b, { type: 'request/blocked', link: -1 });
    pair.run();
    expect(credits(pair.b)).toEqual([]);
    pair.b.inbox.push({ type: 'request/drained', link: -1 });
    pair.run();
    // As many refusals as a window takes; no credit as long as others wait.
    const resets = () => pair.b.written.filter(({ frame }) => frame.type === FrameType.reset).length;
    expect(resets()).toBeGreaterThan(10_000);
    expect(resets()).toBeLessThan(STREAM_WINDOW_BYTES / 16);
    expect(credits(pair.b)).toEqual([]);
    const credit: Frame = { type: FrameType.credit, call: 0, bytes: 10 * MiB };
    pair.b.inbox.push({ type: 'request/frames', link: -1, frames: [credit], bytes: 0 });
    pair.run();
    expect(resets()).toBe(STREAM_WINDOW_BYTES / 16);
    expect(credits(pair.b)).toHaveLength(1);
  });

  test('do not leave the stream without credit for the next', () => {
    const pair = new SimPair();
    answering(pair.b, 0);
    pair.a.ask({});
    pair.run();
    refusing(pair.b);
    // Their bytes use up the window; their refusals are too short to give the other side credit for.
    const payload = new Uint8Array(300);
    const refs = Array.from({ length: 10_000 }, () => pair.a.ask({ payload }));
    pair.run();
    expect(new Set(refs.map((ref) => pair.a.code(ref)))).toEqual(new Set(['no-handler']));
  });
});
