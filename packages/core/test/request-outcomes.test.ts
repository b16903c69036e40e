import type { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
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

describe('a node that is stopping', () => {
  test('tells a peer that calls so at once, and ends what it had in hand', () => {
    const pair = new SimPair();
    const early = pair.a.ask({});
    pair.run();
    expect(pair.b.dispatched).toHaveLength(1);
    expect(pair.b.state.isIdle).toBe(false);
    pair.b.inbox.push({ type: 'drain', responder: pair.b.responder(1_000) });
    pair.run();
    const late = pair.a.ask({});
    pair.run();
    expect(error(pair.a, late)).toMatchObject({
      code: 'stopped',
      message: 'peer answered stopped: the node is stopping: nothing was done',
    });
    expect(pair.b.dispatched).toHaveLength(1);
    const [{ key } = { key: 0 }] = pair.b.dispatched;
    pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(3), end: true });
    pair.run();
    expect(pair.a.outcome(early)).toEqual({ value: bytes(3) });
    expect(pair.b.state.isIdle).toBe(true);
    expectEmpty(pair);
  });

  test('refuses a call over the fallback too', () => {
    const pair = new SimPair();
    pair.b.inbox.push({ type: 'drain', responder: pair.b.responder(1_000) });
    pair.b.inbox.push({ type: 'fallback/inbound', key: -1, peer: 'x', payload: bytes(1) });
    pair.run();
    expect(pair.b.dispatched).toEqual([]);
    expect(pair.b.fallbackReplies).toEqual([{ key: -1, payload: undefined }]);
  });
});

describe('what a caller is told', () => {
  const table: {
    name: string;
    code: 'refused' | 'no-handler' | 'internal' | 'forbidden';
    reason: string;
    service: string;
    message: string;
  }[] = [
    {
      name: 'a refusal is its reason',
      code: 'refused',
      reason: 'not on Sundays',
      service: '',
      message: 'not on Sundays',
    },
    {
      name: 'a refusal without a reason',
      code: 'refused',
      reason: '',
      service: 'clock',
      message: 'service clock of peer refused',
    },
    {
      name: 'nobody handles requests',
      code: 'no-handler',
      reason: 'x',
      service: '',
      message: 'nobody at peer handles requests',
    },
    {
      name: 'nobody handles that service',
      code: 'no-handler',
      reason: '',
      service: 'clock',
      message: 'nobody at peer handles the service clock',
    },
    {
      name: 'a fault over there',
      code: 'internal',
      reason: 'the handler failed',
      service: '',
      message: 'peer answered internal: the handler failed',
    },
  ];
  test.each(table)('$name', ({ code, reason, service, message }) => {
    const pair = new SimPair();
    pair.b.onRequest = ({ key }) => pair.b.inbox.push({ type: 'request/refuse', key, code, reason });
    const ref = pair.a.ask({ service });
    pair.run();
    expect(error(pair.a, ref)).toMatchObject({ code, message });
  });

  test('time ran out: with the call in flight, and the far handler hears that the caller is gone', () => {
    const pair = new SimPair();
    const ref = pair.a.ask({ timeoutMs: 127.5, service: 'clock' });
    pair.run();
    pair.pass(120);
    expect(pair.a.isSettled(ref)).toBe(false);
    pair.pass(10);
    expect(error(pair.a, ref)).toMatchObject({
      code: 'timeout',
      message: 'no answer from service clock of peer within 127.5 ms',
    });
    expect(pair.b.aborted.get(1)).toBe('the caller cancelled');
    expectEmpty(pair);
  });

  test.each([0.25, 127.5, 2 ** 31 + 0.5, Number.MAX_VALUE])(
    'a timeout of %d ms does no harm to the calls after it',
    (timeoutMs) => {
      const pair = new SimPair();
      answering(pair.b, 3);
      const refs = [pair.a.ask({ timeoutMs }), pair.a.ask({})];
      pair.run();
      expect(refs.map((ref) => pair.a.code(ref))).toEqual(['ok', 'ok']);
    },
  );

  test('time ran out: without a connection', () => {
    const pair = new SimPair();
    pair.refusesLinks = true;
    const ref = pair.a.ask({ timeoutMs: 100 });
    pair.run();
    pair.pass(200);
    expect(error(pair.a, ref)).toMatchObject({
      code: 'timeout',
      message: 'no connection to peer within 100 ms',
    });
    expectEmpty(pair);
  });

  test('the service has a name that does not fit', () => {
    const pair = new SimPair();
    answering(pair.b, 0);
    const most = pair.a.ask({ service: 'é'.repeat(127) });
    const more = pair.a.ask({ service: 'é'.repeat(128) });
    pair.run();
    expect(pair.a.code(most)).toBe('ok');
    expect(error(pair.a, more)).toMatchObject({ code: 'invalid' });
  });

  test('one answer was asked for and a stream came', () => {
    const pair = new SimPair();
    pair.b.onRequest = ({ key }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload: bytes(1), end: false });
    const ref = pair.a.ask({});
    pair.run();
    expect(error(pair.a, ref)).toMatchObject({ code: 'invalid' });
    expect(error(pair.a, ref).message).toContain('use requestStream');
    expect(pair.b.aborted.size).toBe(1);
    expectEmpty(pair);
  });

  test('the server stops: every call, and every handler that streams, on both sides', () => {
    const pair = new SimPair();
    const accepted: number[] = [];
    pair.b.onRequest = ({ key }) => {
      accepted.push(-key);
      pair.b.inbox.push({
        type: 'request/answer',
        key,
        payload: bytes(500_000),
        end: false,
        accepted: pair.b.responder(-key),
      });
    };
    const refs = [pair.a.ask({ stream: true }), pair.a.ask({ stream: true }), pair.a.ask({})];
    pair.run();
    pair.stop(pair.a);
    pair.stop(pair.b);
    expect(refs.map((ref) => pair.a.code(ref)).sort()).toEqual(['invalid', 'stopped', 'stopped']);
    expect(accepted.map((ref) => pair.b.code(ref))).toEqual(['ok', 'ok', 'ok']);
    expect(pair.b.aborted.size).toBe(3);
    expectEmpty(pair);
  });
});

test('a node that is stopped ends the calls of peers with stopped, and says which of them came to nothing', () => {
  const pair = new SimPair();
  const [asked, half] = [pair.a.ask({}), pair.a.ask({ payload: bytes(2_000_000) })];
  pair.run(() => pair.b.dispatched.length === 1 && pair.b.state.inFlight.inbound === 2);
  pair.stop(pair.b);
  pair.run();
  for (const [ref, message] of [
    [asked, 'whether it was handled is unknown'],
    [half, 'nothing was done'],
  ] as const)
    expect(pair.a.outcome(ref)).toMatchObject({
      error: { code: 'stopped', message: expect.stringContaining(message) },
    });
  expect(pair.b.dispatched).toHaveLength(1);
  expectEmpty(pair);
});

test('a client that closes ends its own calls and not those that peerd makes for itself', () => {
  const pair = new SimPair();
  const ref = pair.a.ask({});
  pair.a.inbox.push({
    type: 'request/internal',
    ref: -1,
    peer: 'peer',
    service: '$peerd/subscribed',
    payload: bytes(0),
    timeoutMs: 1_000,
  });
  pair.run();
  pair.a.inbox.push({ type: 'client/closed' });
  pair.run();
  expect(error(pair.a, ref)).toMatchObject({ code: 'stopped' });
  expect(pair.a.snapshot.outbound.calls).toHaveLength(1);
  expect(error(pair.a, ref).message).toBe('the client was closed');
});

test('a request for a service of peerd that this version does not have is told so at once', () => {
  const pair = new SimPair();
  const ref = pair.a.ask({ service: '$peerd/later' });
  pair.run();
  expect(error(pair.a, ref)).toMatchObject({ code: 'no-handler' });
  expect(pair.b.dispatched).toEqual([]);
});
