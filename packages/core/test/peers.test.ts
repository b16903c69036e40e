import { PeerdError } from '@peerd/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PeersInput, PeersOutput } from '../src/peers/messages.ts';
import { PeersState } from '../src/peers/state.ts';
import type { Target } from '../src/peers/target.ts';
import { FakeContext } from './support/context.ts';

const bob = '12D3KooWBobAAAA';
const bobby = '12D3KooWBobBBBB';
const carol = '12D3KooWCarolCC';
const self = { id: '12D3KooWAliceDD', name: 'alice' };
const address = '/ip4/127.0.0.1/tcp/4001';

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

const opened = (
  peer: string,
  connection = `to-${peer}`,
  direction: 'inbound' | 'outbound' = 'inbound',
): PeersInput => ({
  type: 'connection/opened',
  connection,
  peer,
  address: `${address}/p2p/${peer}`,
  direction,
  nonce: new Uint8Array(32),
});
const admitted = (peer: string, name: string | undefined, connection = `to-${peer}`): PeersInput => ({
  type: 'peer/admitted',
  connection,
  peer,
  kind: name === undefined ? 'other' : 'peerd',
  name,
  roles: name === undefined ? [] : ['peer', 'forwarder'],
});
const refused = (peer: string, connection = `to-${peer}`): PeersInput => ({
  type: 'peer/refused',
  connection,
  peer,
  error: new PeerdError('forbidden', 'not here'),
});
const closed = (peer: string, connection = `to-${peer}`): PeersInput => ({
  type: 'connection/closed',
  connection,
  peer,
});
const connect = (peer: string, name: string | undefined) => step(opened(peer), admitted(peer, name));

/** Who came and went so far, once each, whatever the number of connections. */
function comings(): string[] {
  return context.take().flatMap((output) => {
    if (output.type === 'peer/came') return `+${output.name}`;
    if (output.type === 'peer/went') return `-${output.name}`;
    return [];
  });
}

test('a peer comes with the first connection that may be used, and goes with the last', () => {
  step(opened(bob, '1'), opened(bob, '2'));
  expect(comings()).toEqual([]);
  step(admitted(bob, 'bob', '1'), admitted(bob, 'bob', '2'));
  expect(comings()).toEqual(['+bob']);
  step(closed(bob, '1'), opened(bob, '3'), closed(bob, '3'));
  expect(comings()).toEqual([]);
  step(closed(bob, '2'));
  expect(comings()).toEqual(['-bob']);
  connect(bob, 'bob');
  expect(comings()).toEqual(['+bob']);
});

test('a peer that is not let in neither comes nor goes', () => {
  step(opened(carol), refused(carol), closed(carol));
  step(opened(bob), closed(bob));
  expect(comings()).toEqual([]);
});

/** Asks for a peer, and takes out what came of it so far. */
function reach(ref: number, target: Target) {
  step({ type: 'peer/reach', ref, target });
  return outcome();
}

/** What was answered: `ref → connection` or `ref ✗ code`. */
function outcome(): string[] {
  return context.take().flatMap((output) => {
    if (output.type === 'peer/reached') return `${output.ref} → ${output.connection}`;
    if (output.type === 'peer/unreached') return `${output.ref} ✗ ${output.error.code}`;
    if (output.type === 'peer/dial')
      return `dial ${output.key}${output.address === undefined ? '' : ` at ${output.address}`}`;
    return [];
  });
}

/** Where bob is said to be dialled, when he is asked for. */
function whereBobIs(): (string | undefined)[] {
  step({ type: 'peer/reach', ref: 1, target: id(bob) });
  return context.takeOf('peer/reached').map((reached) => reached.address);
}

test('a peer that we dialled is where it was dialled', () => {
  step(opened(bob, 'c', 'outbound'), admitted(bob, 'bob', 'c'));
  step({
    type: 'peer/identified',
    peer: bob,
    connection: 'c',
    addresses: ['/ip4/10.0.0.1/tcp/1'],
    protocols: [],
  });
  expect(whereBobIs()).toEqual([`${address}/p2p/${bob}`]);
});

test('a peer that dialled us is where it listens, not at the port that it came from', () => {
  step(opened(bob, 'c', 'inbound'), admitted(bob, 'bob', 'c'));
  expect(whereBobIs()).toEqual([undefined]);
  const identified = (...addresses: string[]) =>
    step({ type: 'peer/identified', peer: bob, connection: 'c', addresses, protocols: [] });
  identified('/ip4/10.0.0.1/tcp/1');
  expect(whereBobIs()).toEqual([`/ip4/10.0.0.1/tcp/1/p2p/${bob}`]);
  // It came from 127.0.0.1: of two the one that is known to lead there.
  identified('/ip4/127.0.0.1/tcp/2', '/ip4/10.0.0.2/tcp/2');
  expect(whereBobIs()).toEqual([`/ip4/127.0.0.1/tcp/2/p2p/${bob}`]);
});

describe('what a caller means by a peer', () => {
  beforeEach(() => {
    connect(bob, 'bob');
    connect(carol, 'carol');
    context.take();
  });

  test.each<[string, Target, string]>([
    ['a name', word('bob'), `1 → to-${bob}`],
    ['an id', id(carol), `1 → to-${carol}`],
    ['a prefix of one id', word('12D3KooWCar'), `1 → to-${carol}`],
    ['an address with an id', { kind: 'address', key: address, address, peer: bob }, `1 → to-${bob}`],
    ['an address without an id', { kind: 'address', key: address, address }, `dial ${address} at ${address}`],
    ['a prefix of several ids', word('12D3KooW'), '1 ✗ invalid'],
    ['a prefix too short to be one', word('12D'), '1 ✗ unknown-peer'],
    ['a word that fits nobody', word('dave'), '1 ✗ unknown-peer'],
    ['this node by its name', word('alice'), '1 ✗ invalid'],
    ['this node by its id', id(self.id), '1 ✗ invalid'],
  ])('may be %s', (_, target, result) => {
    expect(reach(1, target)).toEqual([result]);
  });

  test('by a name that two peers bear is invalid, with both as candidates', () => {
    connect(bobby, 'bob');
    context.take();
    step({ type: 'peer/reach', ref: 1, target: word('bob') });
    const [unreached] = context.takeOf('peer/unreached');
    expect(unreached?.error).toMatchObject({
      code: 'invalid',
      message: 'bob fits 2 peers: say which by its id',
    });
    expect([...(unreached?.error.candidates ?? [])].sort()).toEqual([bob, bobby].sort());
  });

  test('is clear again when one of the two leaves the table', () => {
    connect(bobby, 'bob');
    step(closed(bobby), { type: 'dial/failed', key: bobby, peer: bobby, message: 'gone' });
    context.take();
    expect(reach(1, word('bob'))).toEqual([`1 → to-${bob}`]);
  });

  test('by a name goes before an id that begins like it', () => {
    connect(bobby, '12D3KooWCar');
    context.take();
    expect(reach(1, word('12D3KooWCar'))).toEqual([`1 → to-${bobby}`]);
  });

  test('by a name that was changed is the new one only', () => {
    step(opened(bob, 'second'), admitted(bob, 'robert', 'second'));
    context.take();
    expect(reach(1, word('robert'))).toEqual([`1 → to-${bob}`]);
    expect(reach(2, word('bob'))).toEqual(['2 ✗ unknown-peer']);
  });

  test('may be whoever was remembered from the last run, by id and by name', () => {
    step({ type: 'peer/remembered', peers: [{ peer: bobby, name: 'bobby', addresses: [address] }] });
    expect(reach(1, word('bobby'))).toEqual([`dial ${bobby}`]);
    expect(state.list().find((peer) => peer.id === bobby)).toMatchObject({
      name: 'bobby',
      connected: false,
      addresses: [`${address}/p2p/${bobby}`],
    });
  });
});

describe('getting to a peer', () => {
  test('dials once for all who ask, and answers each when the peer is let in', () => {
    expect(reach(1, id(bob))).toEqual([`dial ${bob}`]);
    expect(reach(2, id(bob))).toEqual([]);
    step(opened(bob, 'c', 'outbound'), { type: 'dial/done', key: bob, peer: bob });
    expect(outcome()).toEqual([]);
    step(admitted(bob, 'bob', 'c'));
    expect(outcome()).toEqual(['1 → c', '2 → c']);
  });

  test('waits for the handshake of a peer that dialled us', () => {
    step(opened(bob));
    expect(reach(1, id(bob))).toEqual([]);
    step(admitted(bob, 'bob'));
    expect(outcome()).toEqual([`1 → to-${bob}`]);
  });

  test('by an address whose owner is not known waits for whoever answers there', () => {
    expect(reach(1, { kind: 'address', key: address, address })).toEqual([`dial ${address} at ${address}`]);
    step(opened(bob, 'c', 'outbound'), { type: 'dial/done', key: address, peer: bob });
    step(admitted(bob, 'bob', 'c'));
    expect(outcome()).toEqual(['1 → c']);
  });

  test('by a name waits as long as somebody is dialled or greeted who may bear it', () => {
    reach(1, id(bob));
    expect(reach(2, word('bob'))).toEqual([]);
    step(opened(bob, 'c', 'outbound'), { type: 'dial/done', key: bob, peer: bob });
    step(admitted(bob, 'bob', 'c'));
    expect(outcome()).toEqual(['1 → c', '2 → c']);
  });

  test('by a name ends as unknown when the last who might bear it does not', () => {
    reach(1, id(bob));
    expect(reach(2, word('carol'))).toEqual([]);
    step({ type: 'dial/failed', key: bob, peer: bob, message: 'nobody there' });
    expect(outcome().sort()).toEqual(['1 ✗ unreachable', '2 ✗ unknown-peer']);
  });

  test('by an address that fails while another of its addresses leads there gets that connection', () => {
    const at = `${address}/p2p/${bob}`;
    const failed: PeersInput = { type: 'dial/failed', key: at, peer: bob, message: 'nobody there' };
    const target = { kind: 'address', key: at, address: at, peer: bob } as const;
    reach(1, target);
    step(opened(bob, 'c'), failed);
    expect(outcome()).toEqual([]);
    step(admitted(bob, 'bob', 'c'));
    expect(outcome()).toEqual(['1 → c']);
    step(closed(bob, 'c'));
    expect(reach(2, target)).toEqual([`dial ${at} at ${at}`]);
    step(opened(bob, 'd'), admitted(bob, 'bob', 'd'), failed);
    expect(outcome()).toEqual(['2 → d']);
  });

  test('that is this node itself says so, by its id or by who answers', () => {
    const own = { kind: 'address', key: address, address } as const;
    step({ type: 'peer/reach', ref: 1, target: id(self.id) }, { type: 'peer/reach', ref: 2, target: own });
    step({ type: 'dial/failed', key: address, peer: undefined, message: 'it is us', isOurself: true });
    expect(context.takeOf('peer/unreached')).toMatchObject([
      { ref: 1, isOurself: true },
      { ref: 2, isOurself: true },
    ]);
  });

  test('that refuses us or is refused ends with the reason', () => {
    reach(1, id(bob));
    step(opened(bob, 'c', 'outbound'), { type: 'dial/done', key: bob, peer: bob }, refused(bob, 'c'));
    expect(outcome()).toEqual(['1 ✗ forbidden']);
  });

  test('that closes while it is greeted is unreachable', () => {
    reach(1, id(bob));
    step(opened(bob, 'c', 'outbound'), { type: 'dial/done', key: bob, peer: bob }, closed(bob, 'c'));
    expect(outcome()).toEqual(['1 ✗ unreachable']);
  });

  test('that had closed by the time it was reached is unreachable: one dial for one question', () => {
    reach(1, { kind: 'address', key: address, address });
    step(opened(bob, 'c', 'outbound'), closed(bob, 'c'), { type: 'dial/done', key: address, peer: bob });
    expect(outcome()).toEqual(['1 ✗ unreachable']);
  });

  test('that has just refused us, by a connection that is closing, ends: it is not dialled over and over', () => {
    step(opened(bob, 'c', 'outbound'), refused(bob, 'c'));
    context.take();
    expect(reach(1, id(bob))).toEqual(['1 ✗ forbidden']);
    expect(reach(2, { kind: 'address', key: address, address })).toEqual([`dial ${address} at ${address}`]);
    // libp2p hands out the connection that it has.
    step({ type: 'dial/done', key: address, peer: bob });
    expect(outcome()).toEqual(['2 ✗ forbidden']);
    step(closed(bob, 'c'));
    expect(reach(3, id(bob))).toEqual([`dial ${bob}`]);
  });

  test('by an address at which this node itself answers is invalid', () => {
    reach(1, { kind: 'address', key: address, address });
    step({ type: 'dial/done', key: address, peer: self.id });
    expect(outcome()).toEqual(['1 ✗ invalid']);
  });

  test('that nobody waits for any more answers nobody', () => {
    reach(1, id(bob));
    reach(2, word('bob'));
    step({ type: 'peer/leave', ref: 1 }, { type: 'peer/leave', ref: 2 });
    step(opened(bob, 'c', 'outbound'), { type: 'dial/done', key: bob, peer: bob }, admitted(bob, 'bob', 'c'));
    expect(outcome()).toEqual([]);
  });
});

test('500 peers are dialled at a time: one more is busy, one that is dialled already is not, and when one has ended there is room', () => {
  const dials = () => state.quotas.find(({ info }) => info.name === 'dials')?.info;
  const peer = (number: number) => `12D3KooWPeer${number}`;
  for (let number = 1; number <= 500; number += 1)
    expect(reach(number, id(peer(number)))).toEqual([`dial ${peer(number)}`]);
  expect(reach(501, id(peer(501)))).toEqual(['501 ✗ busy']);
  expect(reach(502, id(peer(1)))).toEqual([]);
  expect(dials()).toEqual({ name: 'dials', unit: 'items', size: 500, limit: 500, refused: 1 });
  step({ type: 'dial/failed', key: peer(7), peer: peer(7), message: 'nobody there' });
  expect(outcome()).toEqual(['7 ✗ unreachable']);
  expect(reach(503, id(peer(501)))).toEqual([`dial ${peer(501)}`]);
  expect(dials()).toMatchObject({ size: 500, refused: 1 });
});

describe('two connections made at the same moment', () => {
  beforeEach(() => {
    reach(1, id(bob));
    step(opened(bob, 'in', 'inbound'), opened(bob, 'out', 'outbound'));
    context.take();
  });

  test('serve with whichever is let in first, and nobody is answered twice', () => {
    step(admitted(bob, 'bob', 'in'));
    expect(outcome()).toEqual(['1 → in']);
    step({ type: 'dial/done', key: bob, peer: bob }, admitted(bob, 'bob', 'out'));
    expect(outcome()).toEqual([]);
  });

  test('lose nothing when one of them closes before it was let in', () => {
    step(closed(bob, 'out'));
    expect(outcome()).toEqual([]);
    step(admitted(bob, 'bob', 'in'));
    expect(outcome()).toEqual(['1 → in']);
    step({ type: 'dial/failed', key: bob, peer: bob, message: 'closed' });
    expect(state.list()).toMatchObject([{ id: bob, connected: true }]);
  });

  test('lose nothing when one of them is refused', () => {
    step(refused(bob, 'out'));
    expect(outcome()).toEqual([]);
    step(admitted(bob, 'bob', 'in'));
    expect(outcome()).toEqual(['1 → in']);
  });

  test('are one peer: it is disconnected when both are closed, once', () => {
    step(admitted(bob, 'bob', 'in'), admitted(bob, 'bob', 'out'), closed(bob, 'in'));
    expect(context.takeOf('peer/disconnected')).toEqual([]);
    context.take();
    expect(reach(2, id(bob))).toEqual(['2 → out']);
    step(closed(bob, 'out'), closed(bob, 'out'));
    expect(context.takeOf('peer/disconnected')).toEqual([
      { type: 'peer/disconnected', peer: bob, name: 'bob' },
    ]);
  });
});

describe('the table', () => {
  test('lists connected peers first, then by name and id, with what is known of each', () => {
    connect(carol, 'carol');
    connect(bob, undefined);
    connect(bobby, 'bobby');
    step(closed(bobby), { type: 'dht/added', peer: carol });
    step({
      type: 'peer/identified',
      peer: carol,
      connection: `to-${carol}`,
      addresses: [address],
      protocols: [],
    });
    expect(state.list()).toEqual([
      {
        id: carol,
        name: 'carol',
        connected: true,
        kind: 'peerd',
        inDht: true,
        addresses: [`${address}/p2p/${carol}`],
      },
      { id: bob, connected: true, kind: 'other', inDht: false, addresses: [] },
      { id: bobby, name: 'bobby', connected: false, kind: 'peerd', inDht: false, addresses: [] },
    ]);
    expect(state.counts).toEqual({ known: 3, connected: 2, routed: 0 });
  });

  test('loses a peer that can not be dialled, and its name; others hear of it', () => {
    connect(bob, 'bob');
    step(closed(bob), { type: 'dial/failed', key: bob, peer: bob, message: 'refused' });
    expect(context.takeOf('peer/dial-failed')).toEqual([{ type: 'peer/dial-failed', peer: bob }]);
    expect(state.list()).toEqual([]);
    expect(reach(1, word('bob'))).toEqual(['1 ✗ unknown-peer']);
  });

  test('keeps a peer that is connected although dialling it failed', () => {
    connect(bob, 'bob');
    step({ type: 'dial/failed', key: bob, peer: bob, message: 'refused' });
    expect(context.takeOf('peer/dial-failed')).toEqual([]);
    expect(state.counts).toEqual({ known: 1, connected: 1, routed: 0 });
  });

  test('keeps 16 addresses of a peer, the newest', () => {
    connect(bob, 'bob');
    const addresses = Array.from({ length: 40 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`);
    step({ type: 'peer/identified', peer: bob, connection: `to-${bob}`, addresses, protocols: [] });
    expect(state.list()[0]?.addresses).toEqual(addresses.slice(-16).map((each) => `${each}/p2p/${bob}`));
  });

  test('holds 10,000 peers: whoever was heard of longest ago and is not connected makes room', () => {
    connect(bob, 'bob');
    const strangers = Array.from({ length: 10_000 }, (_, i) => ({
      peer: `stranger${i}`,
      name: `s${i}`,
      addresses: [],
    }));
    step({ type: 'peer/remembered', peers: strangers });
    expect(state.counts).toEqual({ known: 10_000, connected: 1, routed: 0 });
    expect(reach(1, word('s0'))).toEqual(['1 ✗ unknown-peer']);
    expect(reach(2, word('bob'))).toEqual([`2 → to-${bob}`]);
  });
});

describe('a peer that is to be disconnected', () => {
  /** Who is meant, and which connections are hung up; or the error's code. */
  function part(target: Target): unknown[] {
    context.take();
    step({ type: 'peer/part', ref: 1, target });
    return context.take().map((output) => {
      if (output.type === 'peer/parting') return [output.peer, ...output.connections];
      if (output.type === 'connection/hang-up') return output.connection;
      return output.type === 'peer/unreached' ? output.error.code : output.type;
    });
  }

  test.each<[string, Target]>([
    ['name', word('bob')],
    ['id', id(bob)],
    ['prefix', word(bob.slice(0, -2))],
    ['address', { kind: 'address', key: 'x', address: `${address}/p2p/${bob}`, peer: bob }],
    ['address without its id', { kind: 'address', key: 'x', address }],
  ])('is found by its %s, and all its connections are hung up', (_, target) => {
    step(opened(bob), admitted(bob, 'bob'), opened(bob, 'second', 'outbound'));
    expect(part(target)).toEqual([[bob, `to-${bob}`, 'second'], `to-${bob}`, 'second']);
  });

  test.each<[string, Target, string]>([
    ['an unknown name', word('carol'), 'unknown-peer'],
    ['an unknown id', id(carol), 'unknown-peer'],
    ['an unknown address', { kind: 'address', key: 'x', address: '/ip4/10.0.0.1/tcp/1' }, 'unknown-peer'],
    ['an ambiguous name', word('twin'), 'invalid'],
    ['this node', word('alice'), 'invalid'],
  ])('is not found by %s', (_, target, code) => {
    connect(bob, 'twin');
    connect(bobby, 'twin');
    expect(part(target)).toEqual([code]);
  });

  test('may be one of the configuration that was never reached', () => {
    state = new PeersState(context, self, [id(carol)]);
    expect(part(id(carol))).toEqual([[carol]]);
  });
});
