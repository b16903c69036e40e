import { describe, expect, test } from 'vitest';
import { Head } from '../src/forwarding/codec.ts';
import { MAX_PACKET_BODY_BYTES } from '../src/forwarding/messages.ts';
import { PeerKeys } from '../src/peer-keys.ts';
import { Forwarder, frameOf, keyNamed, peerNamed, type Sent } from './support/forwarding.ts';

const keys = new PeerKeys();
const hopsOf = ({ head }: Sent) => new Head(head).hops;
const viaOf = ({ head }: Sent) => {
  const read = new Head(head);
  return Array.from({ length: read.viaCount }, (_, index) => read.waypoint(index, keys));
};
const [a, b, c, d, w] = ['a', 'b', 'c', 'd', 'w'].map(peerNamed) as [string, string, string, string, string];

describe('a packet of our own', () => {
  test('goes to a neighbour at once, also without a route', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.send('a', { kind: 'init' });
    const [sent] = node.sent() as [Sent];
    expect(sent.peer).toBe(a);
    const head = new Head(sent.head);
    expect(head.isWellFormed).toBe(true);
    expect(head.hops).toBe(15);
    expect(head.kind).toBe('init');
    expect([head.source(keys), head.destination(keys)]).toEqual([node.id, a]);
    expect(sent.body).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  test('goes the best way first, and another one with each attempt', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.neighbour('b');
    node.ways.ways.set(d, [
      { next: a, via: [] },
      { next: b, via: [w] },
    ]);
    node.send('d');
    node.send('d', { attempt: 1 });
    const [first, second] = node.sent() as [Sent, Sent];
    expect([first.peer, viaOf(first)]).toEqual([a, []]);
    expect([second.peer, viaOf(second)]).toEqual([b, [w]]);
  });

  test('goes to a neighbour over another one when it does not answer, if there is such a way', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.neighbour('b');
    node.send('a', { attempt: 1 });
    expect(node.sent()).toMatchObject([{ peer: a }]);
    node.ways.ways.set(a, [
      { next: a, via: [] },
      { next: b, via: [b] },
    ]);
    node.send('a', { attempt: 1 });
    expect(node.sent()).toMatchObject([{ peer: b }]);
  });

  test('takes as many links as it may', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.send('a', { hops: 1 });
    expect(node.sent().map(hopsOf)).toEqual([0]);
  });

  test('without a way is told of: to whom, and why', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.send('d', { kind: 'init' });
    expect(node.sent()).toEqual([]);
    const [unsent] = node.context.takeOf('packet/unsent');
    expect(unsent).toMatchObject({ to: d, kind: 'init', error: { code: 'unreachable' } });
    expect(unsent?.error.message).toContain(d);
  });

  test.each([
    ['this node itself', 'self'],
    ['a peer that only spoke tinyp2p', 'other'],
  ])('is not sent to %s', (_, to) => {
    const node = new Forwarder();
    node.neighbour('other', [], 'other');
    node.send(to);
    expect(node.sent()).toEqual([]);
    expect(node.context.takeOf('packet/unsent')).toHaveLength(1);
  });

  test('is not sent to an id that has no Ed25519 key', () => {
    const node = new Forwarder('self', { randomFallback: true });
    node.neighbour('a');
    const to = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N';
    node.send('x', { to });
    expect(node.context.takeOf('packet/unsent')).toMatchObject([{ to, error: { code: 'unreachable' } }]);
  });

  test('without a way goes to a random neighbour that forwards, if that is wanted', () => {
    const node = new Forwarder('self', { randomFallback: true });
    node.neighbour('a');
    node.neighbour('b');
    node.neighbour('c', ['peer']);
    for (let i = 0; i < 50; i += 1) node.send('d');
    expect(new Set(node.sent().map(({ peer }) => peer))).toEqual(new Set([a, b]));
  });
});

describe('a packet for this node', () => {
  test('is handed on, with whom it is from by its own word, whoever brings it', () => {
    for (const forward of ['network', 'all', 'nobody'] as const) {
      const node = new Forwarder('self', { forward });
      node.neighbour('a');
      const body = new Uint8Array(100).fill(7);
      expect(node.take('a', { from: 'd', to: 'self', kind: 'sealed', body })).toBeUndefined();
      expect(node.context.take()).toEqual([
        { type: 'packet/received', from: d, kind: 'sealed', body, path: undefined, neighbour: a },
      ]);
      expect(node.dropped).toEqual({});
    }
  });

  test('has arrived with its last link, and before the peers that it should have passed', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.take('a', { from: 'd', to: 'self', hops: 0, via: [keyNamed('w')] });
    expect(node.context.takeOf('packet/received')).toHaveLength(1);
  });

  test('says whom it has passed, if that was to be recorded', () => {
    const [first, second, end] = [new Forwarder('b'), new Forwarder('c'), new Forwarder('d')];
    const frame = frameOf({ from: 'a', to: 'd', record: true });
    first.neighbour('a');
    first.neighbour('c');
    first.ways.nexts.set(d, c);
    second.neighbour('b');
    second.neighbour('d');
    second.ways.known.set(a, '');
    end.neighbour('c');
    first.put({ type: 'packet/arrived', neighbour: a, frame });
    const [one] = first.sent() as [Sent];
    second.put({ type: 'packet/arrived', neighbour: b, frame: { ...frame, head: one.head } });
    const [two] = second.sent() as [Sent];
    end.put({ type: 'packet/arrived', neighbour: c, frame: { ...frame, head: two.head } });
    expect(end.context.takeOf('packet/received')).toMatchObject([{ from: a, path: [b, c], neighbour: c }]);
  });

  test('of a kind that this version does not know is dropped and counted, and forwarded for others', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.neighbour('b');
    for (const to of ['self', 'b']) {
      const frame = frameOf({ from: 'a', to });
      frame.head[2] = 77;
      node.put({ type: 'packet/arrived', neighbour: a, frame });
    }
    expect(node.sent()).toMatchObject([{ peer: b }]);
    expect(node.dropped).toEqual({ 'packets of an unknown kind': 1 });
  });
});

describe('a packet for somebody else', () => {
  /** Between a and d; b is a neighbour too. */
  const between = (settings: ConstructorParameters<typeof Forwarder>[1] = {}) => {
    const node = new Forwarder('self', settings);
    for (const name of ['a', 'b', 'd']) node.neighbour(name);
    return node;
  };

  test('goes to its destination when that is a neighbour, one link less left, its body as it was', () => {
    const node = between();
    const body = new Uint8Array(10);
    const sent = node.take('a', { from: 'a', to: 'd', hops: 5, body }) as Sent;
    expect(sent.peer).toBe(d);
    expect(hopsOf(sent)).toBe(4);
    expect(sent.body[0]).toBe(body);
    expect(new Head(sent.head).path(keys)).toBeUndefined();
  });

  test('goes where the table says', () => {
    const node = between();
    node.ways.nexts.set(c, b);
    expect(node.take('a', { from: 'a', to: 'c' })?.peer).toBe(b);
  });

  test('passes the peers that it is to pass first, and forgets them as they are reached', () => {
    const node = between();
    node.ways.nexts.set(w, b);
    node.ways.nexts.set(c, d);
    const waypoint = node.take('a', { from: 'a', to: 'c', via: [keyNamed('w')] }) as Sent;
    expect([waypoint.peer, viaOf(waypoint)]).toEqual([b, [w]]);
    const here = node.take('a', { from: 'a', to: 'c', via: [keyNamed('self')] }) as Sent;
    expect([here.peer, viaOf(here)]).toEqual([d, []]);
    const both = node.take('a', { from: 'a', to: 'c', via: [keyNamed('self'), keyNamed('b')] }) as Sent;
    expect([both.peer, viaOf(both)]).toEqual([b, [b]]);
  });

  test('that comes without a path is given one, where paths are in the message', () => {
    const node = between();
    node.ways.strategy = 'source';
    node.ways.ways.set(c, [{ next: b, via: [b, w] }]);
    const sent = node.take('a', { from: 'a', to: 'c' }) as Sent;
    expect([sent.peer, viaOf(sent)]).toEqual([b, [b, w]]);
    const near = node.take('a', { from: 'a', to: 'd' }) as Sent;
    expect([near.peer, viaOf(near)]).toEqual([d, []]);
  });

  test('that may take no more links is dropped and counted', () => {
    const node = between();
    expect(node.take('a', { from: 'a', to: 'd', hops: 0 })).toBeUndefined();
    expect(node.dropped).toEqual({ 'packets past their hop limit': 1 });
  });

  test('that may take no more links and is a probe is told of', () => {
    const node = between();
    const body = Uint8Array.of(4);
    node.take('a', { from: 'a', to: 'd', hops: 0, kind: 'probe', body });
    expect(node.context.take()).toEqual([{ type: 'probe/expired', from: a, to: d, body, neighbour: a }]);
    expect(node.dropped).toEqual({});
  });

  test('without a way is dropped and counted', () => {
    const node = between();
    expect(node.take('a', { from: 'a', to: 'c' })).toBeUndefined();
    expect(node.dropped).toEqual({ 'packets without a way': 1 });
  });

  test('without a way goes to a random neighbour that forwards, never back to where it came from', () => {
    const node = between({ randomFallback: true });
    node.neighbour('c', ['peer']);
    const passed = new Set(Array.from({ length: 60 }, () => node.take('a', { from: 'a', to: 'x' })?.peer));
    expect(passed).toEqual(new Set([b, d]));
    const alone = new Forwarder('self', { randomFallback: true });
    alone.neighbour('a');
    expect(alone.take('a', { from: 'a', to: 'x' })).toBeUndefined();
    expect(alone.dropped).toEqual({ 'packets without a way': 1 });
  });

  test('goes to a random neighbour when nobody knows the peer that it is to pass first', () => {
    const node = between({ randomFallback: true });
    const sent = node.take('a', { from: 'a', to: 'd', via: [keyNamed('w')] }) as Sent;
    expect([b, d]).toContain(sent.peer);
    expect(viaOf(sent)).toEqual([w]);
  });

  test.each([
    ['a head that says more than is there', (frame: ReturnType<typeof frameOf>) => (frame.head[67] = 3)],
    ['more links than it may take', (frame: ReturnType<typeof frameOf>) => (frame.head[0] = 200)],
  ])('with %s is dropped and counted', (_, spoil) => {
    const node = between();
    const frame = frameOf({ from: 'a', to: 'd' });
    spoil(frame);
    node.put({ type: 'packet/arrived', neighbour: a, frame });
    expect(node.sent()).toEqual([]);
    expect(node.dropped).toEqual({ 'malformed packets': 1 });
  });

  test('may have 33 KiB in it, and not a byte more', () => {
    const node = between();
    const body = new Uint8Array(MAX_PACKET_BODY_BYTES + 1);
    expect(node.take('a', { from: 'a', to: 'd', body: body.subarray(1) })?.peer).toBe(d);
    expect(node.take('a', { from: 'a', to: 'd', body })).toBeUndefined();
    expect(node.dropped).toEqual({ 'malformed packets': 1 });
  });
});

describe('forward = "network"', () => {
  test('takes packets of the neighbour itself, and of peers whose advert is known', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.neighbour('b');
    node.ways.known.set(c, '');
    expect(node.take('a', { from: 'a', to: 'b' })?.peer).toBe(b);
    expect(node.take('a', { from: 'c', to: 'b' })?.peer).toBe(b);
    expect(node.take('a', { from: 'x', to: 'b' })).toBeUndefined();
    expect(node.dropped).toEqual({ 'packets that are not forwarded for whom they are from': 1 });
  });

  test('takes nothing of a neighbour that has not said hello, until it does', () => {
    const node = new Forwarder();
    node.neighbour('a', [], 'other');
    node.neighbour('b');
    expect(node.take('a', { from: 'a', to: 'b' })).toBeUndefined();
    node.put({ type: 'peer/admitted', connection: '2', peer: a, kind: 'peerd', name: 'a', roles: [] });
    expect(node.take('a', { from: 'a', to: 'b' })?.peer).toBe(b);
    node.put({ type: 'peer/admitted', connection: '3', peer: a, kind: 'other', name: undefined, roles: [] });
    expect(node.take('a', { from: 'a', to: 'b' })?.peer).toBe(b);
  });

  test('takes nothing of who is not connected any more', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.neighbour('b');
    node.put({ type: 'peer/went', peer: a, name: 'a' });
    expect(node.take('a', { from: 'a', to: 'b' })).toBeUndefined();
    expect(node.dropped).toEqual({ 'packets that are not forwarded for whom they are from': 1 });
  });

  test('passes on what has come back to its source at random', () => {
    const node = new Forwarder('self', { randomFallback: true });
    node.neighbour('a');
    node.neighbour('b');
    expect(node.take('a', { from: 'self', to: 'x' })?.peer).toBe(b);
  });
});

test('forward = "all" takes what any neighbour hands over', () => {
  const node = new Forwarder('self', { forward: 'all' });
  node.neighbour('a', [], 'other');
  node.neighbour('b');
  expect(node.take('a', { from: 'x', to: 'b' })?.peer).toBe(b);
});

test('forward = "nobody" takes nothing for others, and sends its own', () => {
  const node = new Forwarder('self', { forward: 'nobody' });
  node.neighbour('a');
  node.neighbour('b');
  expect(node.take('a', { from: 'a', to: 'b' })).toBeUndefined();
  expect(node.take('a', { from: 'a', to: 'b', kind: 'probe', hops: 0 })).toBeUndefined();
  expect(node.context.take()).toEqual([]);
  expect(node.dropped).toEqual({ 'packets that are not forwarded for whom they are from': 2 });
  node.send('b');
  expect(node.sent()).toMatchObject([{ peer: b }]);
});

describe('what is forwarded for one neighbour', () => {
  const bytesQuota = 'bytes forwarded for the busiest neighbour';
  const pairsQuota = 'pairs of peers that are forwarded for the busiest neighbour';
  const quota = (node: Forwarder, name: string) => node.state.quotas.find((each) => each.name === name)?.info;
  const body = new Uint8Array(MAX_PACKET_BODY_BYTES);
  const each = body.length + 68;
  const busy = () => {
    const node = new Forwarder();
    for (const name of ['a', 'b', 'd']) node.neighbour(name);
    let passed = 0;
    while (node.take('a', { from: 'a', to: 'd', body }) !== undefined) passed += 1;
    return { node, passed };
  };

  test('is 32 MiB at once: the rest is dropped, counted, and told', () => {
    const { node, passed } = busy();
    expect(passed).toBe(Math.floor((32 * 1024 * 1024) / each));
    expect(quota(node, bytesQuota)).toEqual({
      name: bytesQuota,
      unit: 'bytes',
      size: passed * each,
      limit: 32 * 1024 * 1024,
      refused: 1,
    });
    expect(node.context.takeOf('node/overload')).toMatchObject([{ queue: bytesQuota }]);
  });

  test('is 128 MiB a second then', () => {
    const { node } = busy();
    let passed = 0;
    for (let ms = 0; ms < 2_000; ms += 10) {
      node.context.nowMs += 10;
      while (node.take('a', { from: 'a', to: 'd', body }) !== undefined) passed += 1;
    }
    const perSecond = (passed * each) / 2;
    expect(perSecond).toBeGreaterThan(127 * 1024 * 1024);
    expect(perSecond).toBeLessThan(129 * 1024 * 1024);
  });

  test('takes nothing from another neighbour', () => {
    const { node } = busy();
    expect(node.take('b', { from: 'b', to: 'd', body })?.peer).toBe(d);
  });

  test('is between 4,096 pairs of peers, counted, and a pair that falls silent is forgotten', () => {
    const node = new Forwarder();
    node.neighbour('a');
    node.neighbour('b');
    for (let i = 0; i < 4_096; i += 1) node.ways.nexts.set(peerNamed(`end ${i}`), b);
    for (let i = 0; i < 4_096; i += 1) expect(node.take('a', { from: 'a', to: `end ${i}` })?.peer).toBe(b);
    expect(node.take('a', { from: 'a', to: 'b' })).toBeUndefined();
    expect(quota(node, pairsQuota)).toMatchObject({ size: 4_096, limit: 4_096, refused: 1 });
    // Those that are there go on, and from another neighbour the pair is another one.
    expect(node.take('a', { from: 'a', to: 'end 0' })?.peer).toBe(b);
    expect(node.take('b', { from: 'b', to: 'a' })?.peer).toBe(a);
    const tick = (ms: number) => {
      node.context.nowMs = ms;
      expect(node.state.nextTickMs).toBeLessThanOrEqual(ms);
      node.put({ type: 'tick' });
    };
    tick(59_000);
    expect(quota(node, pairsQuota)?.size).toBe(4_096);
    node.take('a', { from: 'a', to: 'end 7' });
    tick(75_000);
    expect(quota(node, pairsQuota)?.size).toBe(1);
    expect(node.take('a', { from: 'a', to: 'b' })?.peer).toBe(b);
    tick(300_000);
    expect(quota(node, pairsQuota)?.size).toBe(0);
    // Nothing to look for: nothing is awaited.
    expect(node.state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });
});
