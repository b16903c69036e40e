import { PeerdError } from '@peerd/protocol';
import { beforeEach, expect, test } from 'vitest';
import { Responder } from '../src/channel/responder.ts';
import type { ConnectionsInput, ConnectionsOutput } from '../src/connections/messages.ts';
import { ConnectionsState } from '../src/connections/state.ts';
import { FakeContext } from './support/context.ts';

let context: FakeContext<ConnectionsOutput>;
let state: ConnectionsState;
beforeEach(() => {
  context = new FakeContext();
  state = new ConnectionsState(context);
});

const target = { kind: 'word', key: 'bob' } as const;
const id = { kind: 'id', key: 'id-of-bob', peer: 'id-of-bob' } as const;

function step(...inputs: ConnectionsInput[]): void {
  const handlers = state.handlers as unknown as Record<string, (input: ConnectionsInput) => void>;
  for (const input of inputs) handlers[input.type]?.(input);
}
// biome-ignore lint/suspicious/noExplicitAny: what a responder takes is not looked at here
const ignored = (): Responder<any> => new Responder();
const connect = (ref: number): ConnectionsInput => ({
  type: 'connect',
  ref,
  target,
  timeoutMs: 1_000,
  responder: ignored(),
});
const disconnect = (ref: number): ConnectionsInput => ({
  type: 'disconnect',
  ref,
  target,
  responder: ignored(),
});
const closed = (connection: string): ConnectionsInput => ({
  type: 'connection/closed',
  connection,
  peer: 'id-of-bob',
});

/** What was decided: `settle value`, `fail code`, or the type of the output. */
const outcome = () =>
  context.take().map((output) => {
    if (output.type === 'settle') return ['settle', output.value];
    if (output.type === 'fail') return ['fail', output.error.code];
    return output.type;
  });

test('connect has the peer reached, and tells who and where it is', () => {
  step(connect(1));
  expect(outcome()).toEqual(['peer/reach']);
  step({
    type: 'peer/reached',
    ref: 1,
    peer: 'id-of-bob',
    connection: 'c',
    kind: 'peerd',
    name: 'bob',
    address: '/a',
  });
  expect(outcome()).toEqual(['peer/wanted', ['settle', { peer: 'id-of-bob', name: 'bob', address: '/a' }]]);
  expect(state.snapshot()).toEqual({ connecting: [], disconnecting: [] });
});

test('connect by an id wants the peer also when it can not be reached now', () => {
  step({ type: 'connect', ref: 1, target: id, timeoutMs: 1_000, responder: ignored() });
  expect(outcome()).toEqual(['peer/wanted', 'peer/reach']);
  step({ type: 'peer/unreached', ref: 1, error: new PeerdError('unreachable', 'nobody there') });
  expect(outcome()).toEqual([['fail', 'unreachable']]);
});

test.each<[string, ConnectionsInput, string]>([
  ['its time is up', { type: 'tick' }, 'timeout'],
  ['it is cancelled', { type: 'connect/cancel', ref: 1 }, 'stopped'],
  ['the client is closed', { type: 'client/closed' }, 'stopped'],
])('connect lets go of the peer when %s', (_, input, code) => {
  step(connect(1));
  outcome();
  expect(state.nextTickMs).toBe(1_000);
  context.nowMs = 1_000;
  step(input);
  expect(outcome()).toEqual(['peer/leave', ['fail', code]]);
  expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
});

test('disconnect resolves to the number of connections once the last of them is gone', () => {
  step(disconnect(1));
  expect(outcome()).toEqual(['peer/part']);
  step(
    { type: 'peer/parting', ref: 1, peer: 'id-of-bob', connections: ['c', 'd'] },
    closed('x'),
    closed('c'),
  );
  expect(outcome()).toEqual([]);
  step(closed('d'), closed('d'));
  expect(outcome()).toEqual([['settle', 2]]);
});

test('disconnect of a peer that is not connected resolves to 0 at once', () => {
  step(disconnect(1));
  outcome();
  step({ type: 'peer/parting', ref: 1, peer: 'id-of-bob', connections: [] });
  expect(outcome()).toEqual([['settle', 0]]);
});

test('more than 4,096 at once are busy, and those before them settle when the server stops', () => {
  for (let ref = 1; ref <= 4_096; ref += 1) step(ref % 2 === 0 ? connect(ref) : disconnect(ref));
  outcome();
  step(connect(5_000), disconnect(5_001));
  expect(outcome()).toEqual(['node/overload', ['fail', 'busy'], ['fail', 'busy']]);
  state.stop();
  expect(outcome().filter((each) => Array.isArray(each) && each[1] === 'stopped')).toHaveLength(4_096);
});
