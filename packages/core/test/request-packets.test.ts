import { describe, expect, test } from 'vitest';
import {
  costOf,
  type Frame,
  FrameType,
  type PacketFrame,
  STREAM_WINDOW_BYTES,
} from '../src/request/frames.ts';
import type { LinkPacket, RequestInput } from '../src/request/messages.ts';
import { type SimNode, SimPair } from './support/request-pair.ts';

const admitted: Extract<RequestInput, { type: 'peer/admitted' }> = {
  type: 'peer/admitted',
  connection: 'c',
  peer: 'peer',
  kind: 'peerd',
  name: undefined,
  roles: [],
};

/** A packet whose head has its number. */
const packet = (number: number, bodyBytes = 1_000): LinkPacket => ({
  type: 'link/packet',
  peer: 'peer',
  head: Uint8Array.of(number >> 8, number & 0xff),
  body: [new Uint8Array(bodyBytes)],
});
const numberOf = ({ head }: PacketFrame) => ((head[0] as number) << 8) + (head[1] as number);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const quota = (node: SimNode, name: string) => node.state.quotas.find((each) => each.name === name)?.info;
const busiest = (node: SimNode) => quota(node, 'bytes of packets to the busiest neighbour');
const lost = (node: SimNode) => (node.state.snapshot() as { packets: { lost: number } }).packets.lost;

function pairOf(): SimPair {
  const pair = new SimPair();
  pair.a.inbox.push(admitted);
  return pair;
}

describe('packets to a neighbour', () => {
  test('open our link to it, and arrive in their order as they were handed over', () => {
    const pair = pairOf();
    const body = [Uint8Array.of(1, 2), new Uint8Array(5_000).fill(3)];
    pair.a.inbox.push({ type: 'link/packet', peer: 'peer', head: Uint8Array.of(0, 0), body });
    for (const number of numbers(50).slice(1)) pair.a.inbox.push(packet(number));
    pair.run();
    expect(pair.b.packets.map(numberOf)).toEqual(numbers(50));
    const [first] = pair.b.packets as [PacketFrame];
    expect(Buffer.concat(first.body).equals(Buffer.concat(body))).toBe(true);
    expect(pair.a.lanes.size).toBe(1);
  });

  test('share the link with calls', () => {
    const pair = pairOf();
    pair.b.onRequest = ({ key, payload }) =>
      pair.b.inbox.push({ type: 'request/answer', key, payload, end: true });
    pair.a.inbox.push(packet(1));
    const ref = pair.a.ask({ payload: Uint8Array.of(7) });
    pair.run();
    expect(pair.a.outcome(ref)).toEqual({ value: Uint8Array.of(7) });
    expect(pair.b.packets).toHaveLength(1);
    expect(pair.a.lanes.size).toBe(1);
  });

  test('are credited as they are taken: many windows of them get through', () => {
    const pair = pairOf();
    const each = costOf({ ...packet(0, 30_000), type: FrameType.packet, call: 0 });
    const rounds = Math.ceil((4 * STREAM_WINDOW_BYTES) / (10 * each));
    for (let round = 0; round < rounds; round += 1) {
      for (const number of numbers(10)) pair.a.inbox.push(packet(round * 10 + number, 30_000));
      pair.run();
    }
    expect(pair.b.packets.map(numberOf)).toEqual(numbers(10 * rounds));
    expect(busiest(pair.a)).toMatchObject({ size: 0, refused: 0 });
  });

  test('are lost and counted when there is no connection to it any more', () => {
    const pair = pairOf();
    pair.a.inbox.push({ ...admitted, connection: 'd' });
    pair.a.inbox.push({ type: 'connection/closed', connection: 'c', peer: 'peer' }, packet(1));
    pair.run();
    expect(pair.b.packets).toHaveLength(1);
    expect(lost(pair.a)).toBe(0);
    pair.a.inbox.push({ type: 'connection/closed', connection: 'd', peer: 'peer' }, packet(2));
    pair.run();
    expect(pair.b.packets).toHaveLength(1);
    expect(lost(pair.a)).toBe(1);
  });

  test('are lost and counted when the link can not be opened, and the next ones try again', () => {
    const pair = pairOf();
    pair.refusesLinks = true;
    pair.a.inbox.push(packet(1), packet(2));
    pair.run();
    pair.a.inbox.push({ type: 'request/link-failed', link: 1, code: 'unreachable', message: 'no' });
    pair.run();
    expect(lost(pair.a)).toBe(2);
    expect(busiest(pair.a)).toMatchObject({ size: 0, refused: 0 });
    pair.refusesLinks = false;
    pair.a.inbox.push(packet(3));
    pair.run();
    expect(pair.b.packets.map(numberOf)).toEqual([3]);
  });

  /** With a link that takes nothing. */
  const stalled = () => {
    const pair = pairOf();
    pair.refusesLinks = true;
    pair.step(pair.a, admitted);
    const put = (count: number, from?: string) => {
      for (const number of numbers(count))
        pair.a.state.handlers['link/packet']({
          ...packet(number, 10_000),
          ...(from === undefined ? {} : { from }),
        });
    };
    return { node: pair.a, put };
  };
  const each = costOf({ ...packet(0, 10_000), type: FrameType.packet, call: 0 });
  const limit = 2 * 1024 * 1024;

  test('that wait are bounded in bytes, half of all when nobody else has any: the rest is lost, counted in top, and told', () => {
    const { node, put } = stalled();
    const most = Math.ceil(limit / 2 / each);
    put(most + 5);
    expect(busiest(node)).toEqual({
      name: 'bytes of packets to the busiest neighbour',
      unit: 'bytes',
      size: most * each,
      limit,
      refused: 5,
    });
    expect(node.context.takeOf('node/overload')).toMatchObject([{ unit: 'bytes', limit }]);
  });

  test('of one neighbour that wait leave room for those of others, and for our own', () => {
    const { node, put } = stalled();
    put(1_000, 'mallory');
    const flooded = busiest(node)?.size ?? 0;
    const refused = busiest(node)?.refused ?? 0;
    put(20, 'alice');
    put(20);
    expect(busiest(node)).toMatchObject({ size: flooded + 40 * each, refused });
    // What the others have is no longer free beside it.
    put(1, 'mallory');
    expect(busiest(node)?.refused).toBe(refused + 1);
    for (let i = 0; i < 30; i += 1) put(1_000, `neighbour ${i}`);
    expect(busiest(node)?.size).toBeLessThanOrEqual(limit);
  });

  test('that wait for many neighbours are bounded over all of them', () => {
    const { a } = new SimPair();
    const peers = numbers(70).map((number) => `peer ${number}`);
    for (const peer of peers) a.state.handlers['peer/admitted']({ ...admitted, peer });
    for (const peer of peers)
      for (let i = 0; i < 31; i += 1) a.state.handlers['link/packet']({ ...packet(i, 33_000), peer });
    expect(busiest(a)?.refused).toBe(0);
    const all = quota(a, 'bytes of packets to all neighbours');
    const total = 70 * 31 * (33_000 + 18);
    expect(all).toMatchObject({ limit: 64 * 1024 * 1024 });
    expect(all?.size).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(all?.refused).toBe(Math.ceil((total - 64 * 1024 * 1024) / (33_000 + 18)));
  });

  test('that wait keep no more than their own bytes in memory', () => {
    const pair = pairOf();
    pair.refusesLinks = true;
    const received = new Uint8Array(64 * 1024);
    pair.a.inbox.push({
      type: 'link/packet',
      peer: 'peer',
      head: received.subarray(0, 70),
      body: [received.subarray(70, 170)],
    });
    // The turn that brought it has ended with it still waiting.
    pair.run();
    pair.refusesLinks = false;
    pair.step(pair.a, { type: 'request/link-opened', link: 1 });
    pair.turn(pair.a);
    const [sent] = pair.a.written.map(({ frame }) => frame as PacketFrame) as [PacketFrame];
    for (const part of [sent.head, ...sent.body]) expect(part.buffer.byteLength).toBe(part.length);
  });

  test('that wait are lost and counted when the link ends', () => {
    const pair = pairOf();
    for (const number of numbers(60)) pair.a.inbox.push(packet(number, 30_000));
    pair.turn(pair.a);
    pair.turn(pair.a);
    // As many as the stream takes without credit are on their way.
    const sent = pair.a.written.filter(({ frame }) => frame.type === FrameType.packet).length;
    pair.close(pair.a, 1);
    pair.turn(pair.a);
    const refused = busiest(pair.a)?.refused ?? 0;
    expect(sent).toBeGreaterThan(0);
    expect(lost(pair.a)).toBe(60 - refused - sent);
    expect(lost(pair.a)).toBeGreaterThan(0);
  });
});

describe('packets and calls that wait for the same link', () => {
  /** What was written of each kind, up to the frame with which the first half of a window is full. */
  function shares(fill: (pair: SimPair) => void): {
    packetBytes: number;
    callBytes: number;
    firstCall: number;
  } {
    const pair = pairOf();
    // The stream is open, and takes nothing for now.
    pair.a.inbox.push(packet(0, 0));
    pair.run();
    pair.a.written.length = 0;
    pair.step(pair.a, { type: 'request/blocked', link: 1 });
    fill(pair);
    pair.turn(pair.a);
    pair.step(pair.a, { type: 'request/drained', link: 1 });
    pair.turn(pair.a);
    let packetBytes = 0;
    let callBytes = 0;
    for (const { frame } of pair.a.written)
      if (frame.type === FrameType.packet) packetBytes += costOf(frame);
      else callBytes += costOf(frame);
    const firstCall = pair.a.written.findIndex(({ frame }) => frame.type !== FrameType.packet);
    return { packetBytes, callBytes, firstCall };
  }

  const packets = (pair: SimPair) => {
    for (const number of numbers(1_000)) pair.a.inbox.push(packet(number, 1_000));
  };

  test.each([
    { calls: 'short', payload: 200, count: 10_000 },
    { calls: 'long', payload: 1024 * 1024, count: 10 },
  ])('take turns with $calls calls, half of what is written for each', ({ payload, count }) => {
    const { packetBytes, callBytes, firstCall } = shares((pair) => {
      packets(pair);
      for (let i = 0; i < count; i += 1) pair.a.ask({ payload: new Uint8Array(payload), timeoutMs: 0 });
    });
    expect(packetBytes + callBytes).toBeGreaterThan(200_000);
    expect(packetBytes / (packetBytes + callBytes)).toBeGreaterThan(0.4);
    expect(packetBytes / (packetBytes + callBytes)).toBeLessThan(0.6);
    // Not one after the other.
    expect(firstCall).toBeLessThan(40);
  });

  test('leave long messages a share beside short calls, too', () => {
    const kinds = new Set<string>();
    const pair = pairOf();
    pair.a.inbox.push(packet(0, 0));
    pair.run();
    pair.a.written.length = 0;
    pair.step(pair.a, { type: 'request/blocked', link: 1 });
    packets(pair);
    pair.a.ask({ payload: new Uint8Array(1024 * 1024) });
    for (let i = 0; i < 10_000; i += 1) pair.a.ask({ payload: new Uint8Array(200) });
    pair.turn(pair.a);
    pair.step(pair.a, { type: 'request/drained', link: 1 });
    pair.turn(pair.a);
    for (const { frame } of pair.a.written)
      if (frame.type === FrameType.packet) kinds.add('packet');
      else if (frame.type === FrameType.open) kinds.add('call');
      else if (frame.type === FrameType.data && frame.data.length > 16 * 1024) kinds.add('long');
    expect([...kinds].sort()).toEqual(['call', 'long', 'packet']);
  });
});

test('a packet from the side that answers breaks the stream', () => {
  const pair = pairOf();
  pair.a.inbox.push(packet(1));
  pair.run();
  const frame: Frame = { type: FrameType.packet, call: 0, head: new Uint8Array(1), body: [] };
  pair.step(pair.a, { type: 'request/frames', link: 1, frames: [frame], bytes: 3 });
  expect(pair.a.closed).toEqual([{ link: 1, reason: 'PACKET from the side that answers' }]);
  expect(pair.a.packets).toEqual([]);
});
