import { describe, expect, test } from 'vitest';
import { MAX_RETRIES } from '../src/request/retries.ts';
import { seededRandom } from '../src/server/random.ts';
import { type SimNode, SimPair } from './support/request-pair.ts';

const bytes = (length: number) => new Uint8Array(length);
const expectEmpty = (pair: SimPair) => {
  for (const node of [pair.a, pair.b])
    expect(node.snapshot).toMatchObject({
      heldBytes: 0,
      outbound: { calls: [] },
      inbound: { calls: [], fallback: [], callers: [] },
    });
};
/** Breaks the stream that node a has opened last. */
const breakLink = (pair: SimPair, node: SimNode = pair.a) => {
  const link = Math.max(...node.lanes.keys());
  pair.close(node, link);
  pair.run();
};
/** Lets the longest pause pass that there may be before a retry. */
const longestPause = (pair: SimPair, retry: number) =>
  pair.pass(Math.min(5_000, 200 * 2 ** (retry - 1)) + 20);
const answer = (pair: SimPair, length = 1) => {
  const { key } = pair.b.dispatched.at(-1) ?? { key: 0 };
  pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(length), end: true });
  pair.run();
};

describe('an idempotent call whose connection breaks', () => {
  test('is tried again, with the payload it had, and gets the answer', () => {
    const pair = new SimPair();
    const payload = Uint8Array.of(1, 2, 3);
    const ref = pair.a.ask({ idempotent: true, payload });
    pair.run();
    expect(pair.b.dispatched).toHaveLength(1);
    breakLink(pair);
    expect(pair.a.isSettled(ref)).toBe(false);
    longestPause(pair, 1);
    expect(pair.b.dispatched.map((each) => Uint8Array.from(each.payload))).toEqual([payload, payload]);
    answer(pair, 7);
    expect(pair.a.outcome(ref)).toMatchObject({ value: { length: 7 } });
    expect(pair.a.path(ref)).toEqual([{ peer: 'peer' }]);
    expectEmpty(pair);
  });

  test('fails with disconnected at once when it is not marked so', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({});
    pair.run();
    breakLink(pair);
    expect(pair.a.code(ref)).toBe('disconnected');
    pair.pass(60_000);
    expect(pair.b.dispatched).toHaveLength(1);
    expectEmpty(pair);
  });

  test('is tried again 6 times, and then ends with disconnected', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({ idempotent: true, timeoutMs: 600_000 });
    pair.run();
    for (let retry = 1; retry <= MAX_RETRIES; retry += 1) {
      breakLink(pair);
      longestPause(pair, retry);
      expect(pair.b.dispatched).toHaveLength(retry + 1);
    }
    breakLink(pair);
    expect(pair.a.outcome(ref)).toMatchObject({
      error: { code: 'disconnected', message: expect.stringContaining('tried again 6 times') },
    });
    expectEmpty(pair);
  });

  test('is tried again while the peer can not be reached, and does not say then that nothing was done', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({ idempotent: true, timeoutMs: 600_000 });
    pair.run();
    pair.unreachable = 'unreachable';
    breakLink(pair);
    for (let retry = 1; retry <= MAX_RETRIES; retry += 1) longestPause(pair, retry);
    expect(pair.a.outcome(ref)).toMatchObject({
      error: { code: 'disconnected', message: expect.stringContaining('nobody there') },
    });
    expectEmpty(pair);
  });

  test('is not tried again when there never was a connection', () => {
    const pair = new SimPair();
    pair.unreachable = 'unreachable';
    const ref = pair.a.ask({ idempotent: true });
    pair.run();
    expect(pair.a.code(ref)).toBe('unreachable');
  });

  test('goes to the peer that it found first, whoever bears the name by then', () => {
    const pair = new SimPair();
    pair.a.ask({ idempotent: true, target: { kind: 'word', key: 'bob' } });
    pair.run();
    breakLink(pair);
    longestPause(pair, 1);
    expect(pair.a.reached).toEqual([
      { kind: 'word', key: 'bob' },
      { kind: 'id', key: 'peer', peer: 'peer' },
    ]);
  });

  test('ends with timeout when its time is up, in a pause or in a try, and is not tried again', () => {
    for (const timeoutMs of [1, 10_000]) {
      const pair = new SimPair();
      const ref = pair.a.ask({ idempotent: true, timeoutMs });
      pair.run();
      breakLink(pair);
      pair.pass(timeoutMs + 10);
      if (timeoutMs > 1) pair.pass(10);
      expect(pair.a.outcome(ref)).toMatchObject({
        error: { code: 'timeout', message: expect.stringContaining(`within ${timeoutMs} ms`) },
      });
      pair.pass(60_000);
      expectEmpty(pair);
    }
  });

  test('asks the other side for no longer than it has left', () => {
    const pair = new SimPair();
    pair.a.ask({ idempotent: true, timeoutMs: 10_000 });
    pair.run();
    pair.pass(9_000);
    breakLink(pair);
    longestPause(pair, 1);
    const opened = pair.a.written.flatMap(({ frame }) => ('timeoutMs' in frame ? frame.timeoutMs : []));
    expect(opened[0]).toBe(10_000);
    expect(opened[1]).toBeLessThanOrEqual(1_000);
  });

  test.each(['request/cancel', 'client/closed'] as const)('is let go of in its pause by %s', (type) => {
    const pair = new SimPair();
    const ref = pair.a.ask({ idempotent: true });
    pair.run();
    breakLink(pair);
    pair.a.inbox.push(type === 'request/cancel' ? { type, ref } : { type });
    pair.run();
    expect(pair.a.code(ref)).toBe('stopped');
    pair.pass(60_000);
    expect(pair.b.dispatched).toHaveLength(1);
    expectEmpty(pair);
  });

  test.each([
    ['the program that answers it has left', 'disconnected'],
    ['the node that answers it is stopped', 'stopped'],
  ] as const)('is tried again when %s', (_, code) => {
    const pair = new SimPair();
    const ref = pair.a.ask({ idempotent: true });
    pair.run();
    const [{ key } = { key: 0 }] = pair.b.dispatched;
    pair.b.inbox.push({ type: 'request/refuse', key, code, reason: 'it left' });
    pair.run();
    longestPause(pair, 1);
    answer(pair, 2);
    expect(pair.a.outcome(ref)).toMatchObject({ value: { length: 2 } });
    expectEmpty(pair);
  });

  test.each(['refused', 'internal', 'busy'] as const)('is not tried again after %s', (code) => {
    const pair = new SimPair();
    const ref = pair.a.ask({ idempotent: true });
    pair.run();
    const [{ key } = { key: 0 }] = pair.b.dispatched;
    pair.b.inbox.push({ type: 'request/refuse', key, code, reason: '' });
    pair.run();
    expect(pair.a.code(ref)).toBe(code);
    expectEmpty(pair);
  });

  test('with a stream of answers is tried again only before the first of them', () => {
    for (const answers of [0, 1]) {
      const pair = new SimPair();
      const ref = pair.a.ask({ idempotent: true, stream: true });
      pair.run();
      const [{ key } = { key: 0 }] = pair.b.dispatched;
      if (answers > 0) pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(1), end: false });
      pair.run();
      breakLink(pair);
      longestPause(pair, 1);
      expect(pair.b.dispatched).toHaveLength(answers > 0 ? 1 : 2);
      if (answers > 0) expect(pair.a.code(ref)).toBe('disconnected');
    }
  });

  test('comes back after a pause of its own, so that callers do not come all at once', () => {
    const pair = new SimPair();
    for (let call = 0; call < 100; call += 1) pair.a.ask({ idempotent: true });
    pair.run();
    breakLink(pair);
    const counts: number[] = [];
    for (let ms = 0; ms < 220; ms += 20) {
      const before = pair.b.dispatched.length;
      pair.pass(20);
      counts.push(pair.b.dispatched.length - before);
    }
    expect(pair.b.dispatched).toHaveLength(200);
    expect(Math.max(...counts)).toBeLessThan(40);
  });
});

test('calls whose connection breaks again and again end once each, with the answer or a reason, and leave nothing', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const pair = new SimPair({ seed });
    const random = seededRandom([seed, 5, 5, 5]);
    const size = () => Math.floor(random() ** 4 * 400_000);
    const sizes = new Map<number, { asked: number; answered: number; isStream: boolean }>();
    const left: (() => void)[] = [];
    pair.b.onRequest = ({ key, service, payload }) => {
      const { asked, answered } = sizes.get(Number(service)) as { asked: number; answered: number };
      // Whole, however often it is asked.
      expect(payload.length, `seed ${seed}`).toBe(asked);
      left.push(() =>
        pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(answered), end: true }),
      );
    };
    const refs: number[] = [];
    for (let step = 0; step < 300; step += 1) {
      if (random() < 0.2) {
        const [asked, answered, stream] = [size(), size(), random() < 0.3];
        sizes.set(refs.length, { asked, answered, isStream: stream });
        refs.push(
          pair.a.ask({
            payload: bytes(asked),
            service: `${refs.length}`,
            stream,
            idempotent: true,
            timeoutMs: 40_000,
          }),
        );
      }
      if (random() < 0.3) left.splice(Math.floor(random() * left.length), 1)[0]?.();
      for (let moves = Math.floor(random() * 20); moves > 0; moves -= 1) pair.advance();
      if (random() < 0.03 && pair.a.lanes.size > 0) pair.close(pair.a, Math.max(...pair.a.lanes.keys()));
      if (random() < 0.1) pair.pass(Math.floor(random() * 500));
    }
    for (let rounds = 0; rounds < 100 && !refs.every((ref) => pair.a.isSettled(ref)); rounds += 1) {
      for (const answering of left.splice(0)) answering();
      pair.pass(500);
    }
    pair.pass(60_000);
    for (const [index, ref] of refs.entries()) {
      const outcome = pair.a.outcome(ref);
      const what = `seed ${seed}, call ${index}`;
      if ('error' in outcome) expect(['disconnected', 'timeout'], what).toContain(outcome.error.code);
      else if (sizes.get(index)?.isStream) expect(pair.a.messages.get(ref)?.length, what).toBe(1);
      else expect(outcome.value?.length, what).toBe(sizes.get(index)?.answered);
    }
    expectEmpty(pair);
    expect(pair.a.state.nextTickMs, `seed ${seed}`).toBe(Number.POSITIVE_INFINITY);
  }
}, 60_000);
