import { PeerdError, type PingResult } from '@peerd/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { Responder } from '../src/channel/responder.ts';
import { type PingInput, type PingOutput, PingState } from '../src/ping/state.ts';
import { FakeContext } from './support/context.ts';

let context: FakeContext<PingOutput>;
let state: PingState;
beforeEach(() => {
  context = new FakeContext();
  state = new PingState(context, { intervalMs, timeoutMs: 10_000 });
});

function step(input: PingInput): void {
  (state.handlers as unknown as Record<string, (input: PingInput) => void>)[input.type]?.(input);
}
function tick(nowMs: number): void {
  context.nowMs = nowMs;
  step({ type: 'tick' });
}

const intervalMs = 15_000;

const target = { kind: 'word', key: 'bob' } as const;
const ask = (ref = 1) =>
  step({ type: 'ping', ref, target, timeoutMs: 1_000, responder: new Responder<PingResult>() });
const reached = (ref = 1) =>
  step({ type: 'peer/reached', ref, peer: 'id-of-bob', connection: 'c', kind: 'peerd' });
const opened = (connection: string) =>
  step({
    type: 'connection/opened',
    connection,
    peer: `id-${connection}`,
    address: '',
    direction: 'inbound',
    nonce: new Uint8Array(32),
  });
const failures = () => context.takeOf('fail').map(({ error }) => error);
const sent = () => context.takeOf('ping/send');

describe('a ping that was asked for', () => {
  test('goes to the peer once it is reached, and gives who answered and how long it took', () => {
    ask();
    expect(context.takeOf('peer/reach')).toEqual([{ type: 'peer/reach', ref: 1, target, overRoutes: true }]);
    reached();
    const [ping] = sent();
    expect(ping).toMatchObject({ connection: 'c', timeoutMs: 10_000 });
    step({ type: 'ping/done', ping: ping?.ping ?? 0, rttMs: 1.5 });
    expect(context.takeOf('settle')).toMatchObject([
      { value: { peer: 'id-of-bob', rttMs: 1.5, routed: false } },
    ]);
    expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('to a peer that is not found fails with the reason', () => {
    ask();
    step({ type: 'peer/unreached', ref: 1, error: new PeerdError('unknown-peer', 'who?') });
    expect(failures()).toMatchObject([{ code: 'unknown-peer', message: 'who?' }]);
  });

  test('without an answer times out, and an answer that comes later is nobody’s', () => {
    ask();
    reached();
    const [ping] = sent();
    tick(990);
    expect(failures()).toEqual([]);
    tick(1_000);
    expect(failures()).toMatchObject([
      { code: 'timeout', message: 'no answer to a ping of bob within 1000 ms' },
    ]);
    step({ type: 'ping/done', ping: ping?.ping ?? 0, rttMs: 1 });
    expect(context.takeOf('settle')).toEqual([]);
  });

  test('that is cancelled while its peer is looked for leaves the queue for it', () => {
    ask();
    step({ type: 'ping/cancel', ref: 1 });
    expect(failures()).toMatchObject([{ code: 'stopped' }]);
    expect(context.takeOf('peer/leave')).toEqual([{ type: 'peer/leave', ref: 1 }]);
  });

  test.each([
    [true, 'incompatible', 'bob does not answer pings'],
    [false, 'disconnected', 'the ping to bob failed: reset'],
  ])('that fails tells why (not supported: %s)', (unsupported, code, message) => {
    ask();
    reached();
    step({ type: 'ping/failed', ping: sent()[0]?.ping ?? 0, unsupported, message: 'reset' });
    expect(failures()).toMatchObject([{ code, message }]);
    // What a user asks for does not cost the connection.
    expect(context.takeOf('connection/abort')).toEqual([]);
  });

  test('shares the one that is on the wire: a peer refuses more than a few streams of pings', () => {
    for (const ref of [1, 2, 3]) {
      ask(ref);
      reached(ref);
    }
    const pings = sent();
    expect(pings).toHaveLength(1);
    step({ type: 'ping/cancel', ref: 2 });
    step({ type: 'ping/done', ping: pings[0]?.ping ?? 0, rttMs: 1.5 });
    expect(context.takeOf('settle').map(({ value }) => value)).toEqual([
      { peer: 'id-of-bob', rttMs: 1.5, routed: false },
      { peer: 'id-of-bob', rttMs: 1.5, routed: false },
    ]);
    expect(state.snapshot()).toEqual({ asked: [], checks: [], sent: [] });
    // The next one is new.
    ask(4);
    reached(4);
    expect(sent()).toHaveLength(1);
  });

  test('has the time of all pings on the wire, whatever its own: a fraction or a long one is no matter', () => {
    step({ type: 'ping', ref: 1, target, timeoutMs: 0.5, responder: new Responder<PingResult>() });
    reached();
    expect(sent()).toMatchObject([{ timeoutMs: 10_000 }]);
  });

  test('does not cost the connection when it fails, but a check that waits for the same one does', () => {
    opened('c');
    ask();
    reached();
    const [alone] = sent();
    step({ type: 'ping/failed', ping: alone?.ping ?? 0, unsupported: false, message: 'x' });
    expect(context.takeOf('connection/abort')).toEqual([]);
    ask();
    reached();
    const [shared] = sent();
    tick(intervalMs * 2);
    expect(sent()).toEqual([]);
    step({ type: 'ping/failed', ping: shared?.ping ?? 0, unsupported: false, message: 'x' });
    expect(context.takeOf('connection/abort')).toMatchObject([{ connection: 'c' }]);
  });

  test('is busy when 4,096 others are under way, until one of them has ended', () => {
    for (let ref = 1; ref <= 4_096; ref += 1) ask(ref);
    expect(context.take().every(({ type }) => type === 'peer/reach')).toBe(true);
    ask(5_000);
    expect(failures()).toMatchObject([{ code: 'busy' }]);
    expect(context.takeOf('peer/reach')).toEqual([]);
    expect(state.quotas.map(({ info }) => info)).toEqual([
      { name: 'pings', unit: 'items', size: 4_096, limit: 4_096, refused: 1 },
    ]);
    step({ type: 'ping/cancel', ref: 7 });
    expect(failures()).toMatchObject([{ code: 'stopped' }]);
    ask(5_001);
    expect(failures()).toEqual([]);
    expect(context.takeOf('peer/reach')).toMatchObject([{ ref: 5_001 }]);
  });

  test('ends when the server stops', () => {
    ask(1);
    ask(2);
    state.stop();
    expect(failures()).toMatchObject([{ code: 'stopped' }, { code: 'stopped' }]);
    expect(state.snapshot()).toEqual({ asked: [], checks: [], sent: [] });
  });
});

test('a ping of an address takes no other way: it is the address that is tried', () => {
  const address = '/ip4/127.0.0.1/tcp/1/p2p/id-of-bob';
  const at = { kind: 'address', key: address, address, peer: 'id-of-bob' } as const;
  step({ type: 'ping', ref: 1, target: at, timeoutMs: 1_000, responder: new Responder<PingResult>() });
  expect(context.takeOf('peer/reach')).toEqual([{ type: 'peer/reach', ref: 1, target: at }]);
});

describe('a ping of a peer that only others lead to', () => {
  const routed = (error?: PeerdError) => step({ type: 'peer/routed', ref: 1, peer: 'id-of-bob', error });
  const probes = () => context.takeOf('probe/ask');
  const left = () => context.takeOf('probe/leave');

  test('goes over them, and says so', () => {
    ask();
    routed();
    expect(sent()).toEqual([]);
    expect(probes()).toEqual([{ type: 'probe/ask', ref: 1, peer: 'id-of-bob' }]);
    step({ type: 'probe/answered', ref: 1, rttMs: 4.5 });
    expect(context.takeOf('settle')).toMatchObject([
      { value: { peer: 'id-of-bob', rttMs: 4.5, routed: true } },
    ]);
    expect(state.snapshot()).toEqual({ asked: [], checks: [], sent: [] });
    expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('fails with what came of it, and of trying to connect', () => {
    ask();
    routed(new PeerdError('unreachable', 'id-of-bob can’t be dialled'));
    const error = new PeerdError('unreachable', 'there is no way to id-of-bob');
    step({ type: 'probe/unanswered', ref: 1, error });
    const message = 'bob: there is no way to id-of-bob; id-of-bob can’t be dialled';
    expect(failures()).toMatchObject([{ code: 'unreachable', message }]);
  });

  test.each([
    [
      'timeout',
      'no answer to a ping of bob over others within 1000 ms: a trace shows how far the way goes',
      () => tick(1_000),
    ],
    ['stopped', 'the ping was cancelled', () => step({ type: 'ping/cancel', ref: 1 })],
    ['stopped', 'the client was closed', () => step({ type: 'client/closed' })],
    ['stopped', 'the server was stopped', () => state.stop()],
  ])('ends with %s (%s), and no probe goes out any more', (code, message, end) => {
    ask();
    routed();
    end();
    expect(failures()).toMatchObject([{ code, message }]);
    expect(left()).toEqual([{ type: 'probe/leave', ref: 1 }]);
    step({ type: 'probe/answered', ref: 1, rttMs: 1 });
    expect(context.takeOf('settle')).toEqual([]);
  });
});

describe('the check that somebody is at the other end', () => {
  /** Ticks as they are asked for up to `untilMs`; returns when each connection was checked. */
  function checks(untilMs: number): { connection: string; atMs: number }[] {
    const found: { connection: string; atMs: number }[] = [];
    while (state.nextTickMs <= untilMs) {
      tick(state.nextTickMs);
      for (const { connection, ping } of sent()) {
        found.push({ connection, atMs: context.nowMs });
        step({ type: 'ping/done', ping, rttMs: 1 });
      }
    }
    return found;
  }

  test('is made of each connection every 15 s, the first within half of it of that', () => {
    opened('c1');
    const times = checks(100_000).map(({ atMs }) => atMs);
    expect(times[0]).toBeGreaterThanOrEqual(intervalMs / 2);
    expect(times[0]).toBeLessThanOrEqual(intervalMs * 1.5 + 10);
    expect(times.length).toBeGreaterThanOrEqual(5);
    for (const [i, atMs] of times.entries()) if (i > 0) expect(atMs - (times[i - 1] ?? 0)).toBe(intervalMs);
  });

  test('is spread out over connections that were made together', () => {
    for (let i = 0; i < 50; i += 1) opened(`c${i}`);
    const first = new Set(checks(intervalMs * 1.5).map(({ atMs }) => atMs));
    expect(first.size).toBeGreaterThan(40);
  });

  test('aborts a connection that does not answer', () => {
    opened('c1');
    tick(state.nextTickMs);
    const [ping] = sent();
    expect(ping).toMatchObject({ connection: 'c1', timeoutMs: 10_000 });
    step({ type: 'ping/failed', ping: ping?.ping ?? 0, unsupported: false, message: 'timeout' });
    expect(context.takeOf('connection/abort')).toMatchObject([
      { connection: 'c1', reason: 'id-c1 did not answer a ping: timeout' },
    ]);
  });

  test('leaves alone a peer that does not speak ping, and a connection that is closed', () => {
    opened('c1');
    opened('c2');
    while (context.outputs.length < 2) tick(state.nextTickMs);
    const pings = sent();
    step({ type: 'connection/closed', connection: 'c2', peer: 'id-c2' });
    for (const { ping, connection } of pings)
      step({ type: 'ping/failed', ping, unsupported: connection === 'c1', message: 'x' });
    expect(context.takeOf('connection/abort')).toEqual([]);
    step({ type: 'connection/closed', connection: 'c1', peer: 'id-c1' });
    expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });
});
