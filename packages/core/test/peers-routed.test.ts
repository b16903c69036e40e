import { PeerdError } from '@peerd/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PeersInput, PeersOutput } from '../src/peers/messages.ts';
import { PeersState } from '../src/peers/state.ts';
import type { Target } from '../src/peers/target.ts';
import { FakeContext } from './support/context.ts';

const bob = '12D3KooWBobAAAA';
const bobby = '12D3KooWBobBBBB';
const carol = '12D3KooWCarolCC';
const address = `/ip4/127.0.0.1/tcp/4001/p2p/${bob}`;
const self = { id: '12D3KooWAliceDD', name: 'alice' };

const word = (key: string): Target => ({ kind: 'word', key });
const id = (peer: string): Target => ({ kind: 'id', key: peer, peer });

let context: FakeContext<PeersOutput>;
let state: PeersState;
beforeEach(() => {
  context = new FakeContext();
  state = new PeersState(context, self);
});

function step(...inputs: PeersInput[]): void {
  const handlers = state.handlers as unknown as Record<string, (input: PeersInput) => void>;
  for (const input of inputs) handlers[input.type]?.(input);
}

function wait(ms: number): void {
  context.nowMs += ms;
  step({ type: 'tick' });
}

const found = (peer: string, name: string): PeersInput => ({ type: 'route/found', peer, name });
const lost = (peer: string, name: string): PeersInput => ({ type: 'route/lost', peer, name });
const reach = (target: Target, ref = 1): PeersInput => ({
  type: 'peer/reach',
  ref,
  target,
  overRoutes: true,
});
const dialFailed: PeersInput = { type: 'dial/failed', key: bob, peer: bob, message: 'nobody there' };
const remembered: PeersInput = {
  type: 'peer/remembered',
  peers: [{ peer: bob, name: 'bob', addresses: [address] }],
};
const opened = (peer: string): PeersInput => ({
  type: 'connection/opened',
  connection: peer,
  peer,
  address,
  direction: 'inbound',
  nonce: new Uint8Array(32),
});
const connect = (peer: string, name: string): void =>
  step(opened(peer), { type: 'peer/admitted', connection: peer, peer, kind: 'peerd', name, roles: [] });

/** What was said to those who want a connection, and who was dialled. */
function outcome(): string[] {
  return context.take().flatMap((output) => {
    if (output.type === 'peer/dial') return `dial ${output.peer}`;
    if (output.type === 'peer/reached') return `${output.ref} by a connection`;
    if (output.type === 'peer/routed') return `${output.ref} over others`;
    if (output.type === 'peer/unreached') return `${output.ref} ${output.error.code}`;
    if (output.type === 'peer/resolved') return `${output.ref} is ${output.peer}`;
    return [];
  });
}

describe('a peer that others lead to', () => {
  test('is reached over them at once when nobody knows where to dial it, by id and by name', () => {
    step(found(bob, 'bob'), reach(id(bob)), reach(word('bob'), 2), reach(word('12D3KooWBob'), 3));
    expect(outcome()).toEqual(['1 over others', '2 over others', '3 over others']);
  });

  test('is not for those who want a connection', () => {
    step(found(bob, 'bob'), { type: 'peer/reach', ref: 1, target: id(bob) });
    expect(outcome()).toEqual([`dial ${bob}`]);
    wait(10_000);
    step(dialFailed);
    expect(context.takeOf('peer/unreached').map(({ error: { code, message } }) => [code, message])).toEqual([
      [
        'unreachable',
        `${bob} can't be connected to: nobody there; requests reach it over others (\`peerd trace ${bob}\`)`,
      ],
    ]);
  });

  test('is named to them as they have called it, and not where it is let in nowhere', () => {
    step(found(bob, 'bob'), { type: 'peer/reach', ref: 1, target: word('bob') }, dialFailed);
    expect(context.takeOf('peer/unreached')[0]?.error.message).toMatch(/\(`peerd trace bob`\)$/);
    const refusal = new PeerdError('forbidden', 'bob is on the deny list');
    step({ type: 'peer/reach', ref: 2, target: id(bob) });
    step(opened(bob), { type: 'peer/refused', connection: bob, peer: bob, error: refusal });
    expect(context.takeOf('peer/unreached').map(({ error }) => error)).toEqual([refusal]);
  });

  test('has no connection to be closed, and is known all the same', () => {
    step({ type: 'peer/part', ref: 1, target: word('bob') }, found(bob, 'bob'));
    expect(outcome()).toEqual(['1 unknown-peer']);
    step({ type: 'peer/part', ref: 2, target: word('bob') });
    expect(context.take()).toEqual([{ type: 'peer/parting', ref: 2, peer: bob, connections: [] }]);
  });

  test('is counted as long as there is no connection to it', () => {
    expect(state.counts).toEqual({ known: 0, connected: 0, routed: 0 });
    connect(carol, 'carol');
    step(found(bob, 'bob'), found(carol, 'carol'));
    expect(state.counts).toEqual({ known: 1, connected: 1, routed: 1 });
    connect(bob, 'bob');
    expect(state.counts).toEqual({ known: 2, connected: 2, routed: 0 });
  });

  test('is dialled where it is known where: a connection gets a start of 250 ms', () => {
    step(remembered, found(bob, 'bob'), reach(id(bob)));
    wait(240);
    expect(outcome()).toEqual([`dial ${bob}`]);
    connect(bob, 'bob');
    wait(100);
    expect(outcome()).toEqual(['1 by a connection']);
  });

  test('is reached over them when the connection takes longer, and by it once it is there', () => {
    step(remembered, found(bob, 'bob'), reach(id(bob)));
    wait(260);
    expect(outcome()).toEqual([`dial ${bob}`, '1 over others']);
    connect(bob, 'bob');
    step(reach(id(bob), 2));
    expect(outcome()).toEqual(['2 by a connection']);
  });

  test('is not dialled again for 30 s after it could not be', () => {
    step(remembered, found(bob, 'bob'), reach(id(bob)), dialFailed, remembered);
    expect(outcome()).toEqual([`dial ${bob}`, '1 over others']);
    wait(29_000);
    step(reach(id(bob), 2));
    expect(outcome()).toEqual(['2 over others']);
    wait(2_000);
    step(reach(id(bob), 3));
    expect(outcome()).toEqual([`dial ${bob}`]);
  });

  test('is found by who was waiting for a dial', () => {
    step(reach(id(bob)), found(bob, 'bob'));
    wait(260);
    expect(outcome()).toEqual([`dial ${bob}`, '1 over others']);
  });

  test('is no longer when the route is lost; who asks for it by name is not told that nobody is called so', () => {
    step(found(bob, 'bob'), lost(bob, 'bob'), reach(word('bob')), reach(id(bob), 2));
    expect(outcome()).toEqual([`dial ${bob}`]);
    step(dialFailed);
    expect(outcome()).toEqual(['1 unreachable', '2 unreachable']);
  });

  test('is forgotten, with its name, when a thousand others have been lost since', () => {
    step(found(bob, 'bob'), lost(bob, 'bob'));
    for (let i = 0; i < 1_000; i += 1) step(found(`peer ${i}`, `name-${i}`), lost(`peer ${i}`, `name-${i}`));
    step(reach(word('bob')));
    expect(outcome()).toEqual(['1 unknown-peer']);
  });

  test('makes a name ambiguous that a connected peer has too', () => {
    connect(bob, 'bob');
    step(found(bobby, 'bob'), reach(word('bob')));
    expect(outcome()).toEqual(['1 invalid']);
    step(lost(bobby, 'bob'), reach(word('bob'), 2));
    expect(outcome()).toEqual(['2 by a connection']);
  });
});

test('whoever is refused directly is not reached over others either', () => {
  state = new PeersState(context, self, [], true);
  connect(carol, 'carol');
  const opened: PeersInput = {
    type: 'connection/opened',
    connection: 'c',
    peer: bob,
    address,
    direction: 'inbound',
    nonce: new Uint8Array(32),
  };
  const error = new PeerdError('forbidden', 'bob is on the deny list');
  step(found(bob, 'bob'), opened, reach(id(bob)), {
    type: 'peer/refused',
    connection: 'c',
    peer: bob,
    error,
  });
  expect(outcome()).toEqual(['1 forbidden']);
});

test('what a peer says of its name counts for more than what others pass on', () => {
  connect(bob, 'bob');
  step(found(bob, 'robert'), reach(word('bob')), reach(word('robert'), 2));
  expect(outcome()).toEqual(['1 by a connection', '2 unknown-peer']);
});

test('a peer that nobody leads to is looked for through neighbours, if there are any and that is wanted', () => {
  state = new PeersState(context, self, [], true);
  step(reach(id(bob)), dialFailed);
  expect(outcome()).toEqual([`dial ${bob}`, '1 unreachable']);
  connect(carol, 'carol');
  step(reach(id(bob), 2), dialFailed);
  expect(outcome()).toEqual([`dial ${bob}`, '2 over others']);
});

test('who is meant is told without connecting to anybody', () => {
  step(found(bob, 'bob'));
  const resolve = (ref: number, target: Target): PeersInput => ({ type: 'peer/resolve', ref, target });
  step(resolve(1, word('bob')), resolve(2, id(carol)), resolve(3, word('dave')), resolve(4, word('alice')));
  expect(outcome()).toEqual([`1 is ${bob}`, `2 is ${carol}`, '3 unknown-peer', '4 invalid']);
});
