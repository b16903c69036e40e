import type { Connection } from '@libp2p/interface';
import { describe, expect, test } from 'vitest';
import { bytes, TestNetwork, type TestNode, text } from './support/nodes.ts';
import { beneathMuxer, RawPeer } from './support/raw-peer.ts';

// https://github.com/hashicorp/yamux/blob/master/spec.md
const Type = { data: 0, windowUpdate: 1, ping: 2, goAway: 3 } as const;
const Flag = { none: 0, syn: 1, ack: 2, fin: 4, rst: 8 } as const;

function frame(type: number, flags: number, stream: number, length: number, version = 0): Uint8Array {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  view.setUint8(0, version);
  view.setUint8(1, type);
  view.setUint16(2, flags);
  view.setUint32(4, stream);
  view.setUint32(8, length);
  return header;
}

/** Those after which the rest of the connection can't be trusted. */
const fatal = /parity|version|unknown type|on the session|not sent|without flags|more data|random/;

/** `own` is a stream id that this side of the connection may open, `other` one that only the other side may. */
type Attack = (own: number, other: number) => Uint8Array[];

const attacks: readonly (readonly [string, Attack])[] = [
  ['a stream id of the wrong parity', (_, other) => [frame(Type.windowUpdate, Flag.syn, other, 0)]],
  [
    'data on a new stream of the wrong parity',
    (_, other) => [frame(Type.data, Flag.syn, other, 3), bytes('abc')],
  ],
  [
    'the wrong parity after a stream of the right one',
    (own, other) => [
      frame(Type.windowUpdate, Flag.syn, own, 0),
      frame(Type.windowUpdate, Flag.syn, other, 0),
    ],
  ],
  ['another version', (own) => [frame(Type.windowUpdate, Flag.syn, own, 0, 7)]],
  ['an unknown type', (own) => [frame(9, Flag.none, own, 0)]],
  ['an unknown type on the session', () => [frame(9, Flag.none, 0, 0)]],
  ['data on the session', () => [frame(Type.data, Flag.syn, 0, 3), bytes('abc')]],
  ['the answer to a ping that was not sent', () => [frame(Type.ping, Flag.ack, 0, 77)]],
  ['a ping without flags', () => [frame(Type.ping, Flag.none, 0, 0)]],
  ['a ping on a stream', (own) => [frame(Type.ping, Flag.syn, own, 0)]],
  [
    'more data than the window',
    (own) => [
      frame(Type.windowUpdate, Flag.syn, own, 0),
      frame(Type.data, Flag.none, own, 300 * 1024),
      new Uint8Array(300 * 1024),
    ],
  ],
  ['a window update of 4 GiB', (own) => [frame(Type.windowUpdate, Flag.syn, own, 0xffffffff)]],
  [
    'every flag at once',
    (own) => [frame(Type.windowUpdate, 0xffff, own, 0), frame(Type.data, 0xffff, own, 0)],
  ],
  [
    'a stream opened, ended and reset again and again',
    (own) =>
      [Flag.syn, Flag.fin, Flag.fin, Flag.rst, Flag.rst, Flag.syn, Flag.syn].map((flags) =>
        frame(Type.windowUpdate, flags, own, 0),
      ),
  ],
  [
    'a goodbye, and then a stream',
    (own) => [frame(Type.goAway, 0, 0, 0), frame(Type.windowUpdate, Flag.syn, own, 0)],
  ],
  [
    'a goodbye for a reason nobody knows, twice',
    () => [frame(Type.goAway, 0, 0, 99), frame(Type.goAway, 0, 0, 99)],
  ],
  [
    '2,000 streams',
    (own) => Array.from({ length: 2_000 }, (_, i) => frame(Type.windowUpdate, Flag.syn, own + 2 * i, 0)),
  ],
  ['random bytes', () => [Uint8Array.from({ length: 5_000 }, (_, i) => (i * 167 + 43) & 0xff)]],
];

/** Bob, with alice asking him things, and a connection of mallory's that was let in. */
async function scene(network: TestNetwork, raw: RawPeer, dialler: 'mallory' | 'bob') {
  const [alice, bob] = await network.pair();
  await bob.client.handle('', ({ payload }) => payload);
  const connection =
    dialler === 'mallory' ? await raw.enter(network.name, bob.address) : await dialled(bob, raw);
  return { alice, bob, connection };
}

async function dialled(bob: TestNode, raw: RawPeer): Promise<Connection> {
  const opened = new Promise<Connection>((resolve) =>
    raw.node.addEventListener('connection:open', ({ detail }) => resolve(detail), { once: true }),
  );
  // Mallory says no hello and answers no ping: that there is a connection is enough.
  await bob.client.ping(raw.address).catch(() => {});
  return await opened;
}

describe.each(['mallory', 'bob'] as const)(
  'on a connection that %s dialled, a peer that was let in',
  (dialler) => {
    // The dialler's streams have odd numbers. High ones, that are not in use.
    const [own, other] = dialler === 'mallory' ? [10_001, 10_002] : [10_002, 10_001];

    test.each(attacks)('and sends %s harms nobody else', async (what, attack) => {
      await using network = new TestNetwork();
      await using raw = await RawPeer.start();
      const { alice, bob, connection } = await scene(network, raw, dialler);
      const beneath = beneathMuxer(connection);
      const closed = new Promise<void>((resolve) => beneath.addEventListener('close', () => resolve()));
      for (const sent of attack(own, other)) if (beneath.status === 'open') beneath.send(sent);
      for (let i = 0; i < 5; i += 1)
        expect(text(await alice.client.request(bob.id, bytes('still there?')))).toBe('still there?');
      if (fatal.test(what)) await closed;
      // Whatever became of that connection, the next is as good as any.
      await connection.close().catch(() => {});
      await raw.enter(network.name, bob.address);
    });

    test('and sends no end of a frame is disconnected before that fills the memory', async () => {
      await using network = new TestNetwork();
      await using raw = await RawPeer.start();
      const { alice, bob, connection } = await scene(network, raw, dialler);
      const beneath = beneathMuxer(connection);
      const closed = new Promise<void>((resolve) => beneath.addEventListener('close', () => resolve()));
      beneath.send(frame(Type.data, Flag.syn, own, 0xffffffff));
      for (let i = 0; i < 40 && beneath.status === 'open'; i += 1) {
        if (beneath.send(new Uint8Array(1024 * 1024))) continue;
        const drained = new Promise<void>((resolve) =>
          beneath.addEventListener('drain', () => resolve(), { once: true }),
        );
        await Promise.race([drained, closed]);
      }
      await closed;
      expect(text(await alice.client.request(bob.id, bytes('still there?')))).toBe('still there?');
    });
  },
);

test('a stream is granted what it has sent by halves of its window, not with every frame', async () => {
  await using network = new TestNetwork();
  await using raw = await RawPeer.start();
  const { connection } = await scene(network, raw, 'mallory');
  const grants: number[] = [];
  let rest: Uint8Array = new Uint8Array(0);
  beneathMuxer(connection).addEventListener('message', ({ data }) => {
    rest = Buffer.concat([rest, data.subarray()]);
    while (rest.length >= 12) {
      const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
      const [type, flags, length] = [view.getUint8(1), view.getUint16(2), view.getUint32(8)];
      const end = 12 + (type === Type.data ? length : 0);
      if (rest.length < end) return;
      if (type === Type.windowUpdate && flags === Flag.none) grants.push(length);
      rest = rest.subarray(end);
    }
  });
  const echo = await connection.newStream('/ipfs/ping/1.0.0');
  let echoed = 0;
  let wanted = 0;
  let wake = () => {};
  echo.addEventListener('message', ({ data }) => {
    echoed += data.byteLength;
    if (echoed >= wanted) wake();
  });
  const send = (size: number) => {
    wanted += size;
    const back = new Promise<void>((resolve) => {
      wake = resolve;
    });
    echo.send(new Uint8Array(size));
    return back;
  };
  for (let i = 0; i < 50; i += 1) await send(32);
  expect(grants).toEqual([]);
  // More than the window, so that it has to be granted.
  await send(640 * 1024);
  expect(grants.length).toBeGreaterThan(0);
  for (const grant of grants) expect(grant).toBeGreaterThanOrEqual(128 * 1024);
});
