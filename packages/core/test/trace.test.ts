import { PeerdError, type TraceResult } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import { Responder } from '../src/channel/responder.ts';
import type { PacketSend } from '../src/forwarding/messages.ts';
import { encodeProbe, encodeReply, replyStatement } from '../src/trace/codec.ts';
import type { TraceInput } from '../src/trace/messages.ts';
import { probeOf, sign, Tracer } from './support/tracer.ts';

const nothing = { traces: 0, probes: 0 };

describe('a trace', () => {
  test('asks all on the way at once when it is known how far the peer is, and tells who and how long', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 3);
    tracer.ways.known.set('bob', 'Bob');
    const probes = tracer.trace();
    expect(tracer.hops(probes)).toEqual([1, 2, 3]);
    expect(probes.map(probeOf).map(({ hops }) => hops)).toEqual([1, 2, 3]);
    expect(probes).toMatchObject([{ to: 'dave', kind: 'probe', attempt: 0, record: false }, {}, {}]);
    tracer.at(5);
    tracer.reply(probes[1] as PacketSend, 'carol');
    tracer.at(9);
    tracer.reply(probes[2] as PacketSend, 'dave');
    expect(tracer.outcome).toBeUndefined();
    tracer.at(12);
    tracer.reply(probes[0] as PacketSend, 'bob');
    expect(tracer.outcome).toEqual({
      peer: 'dave',
      hops: [
        { hop: 1, peer: 'bob', name: 'Bob', rttMs: 12 },
        { hop: 2, peer: 'carol', rttMs: 5 },
        { hop: 3, peer: 'dave', rttMs: 9 },
      ],
    });
    expect(tracer.left).toEqual(nothing);
    expect(tracer.state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('of a neighbour is one hop', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 1);
    tracer.ways.known.set('dave', 'Dave');
    const [probe, ...more] = tracer.trace();
    expect(more).toEqual([]);
    tracer.reply(probe as PacketSend, 'dave');
    expect(tracer.outcome).toEqual({
      peer: 'dave',
      name: 'Dave',
      hops: [{ hop: 1, peer: 'dave', name: 'Dave', rttMs: 0 }],
    });
  });

  test('goes on in steps when it is not known how far the peer is', () => {
    const tracer = new Tracer();
    const probes = tracer.trace();
    expect(tracer.hops(probes)).toEqual([1, 2, 3, 4]);
    for (const [i, probe] of probes.entries()) tracer.reply(probe, `peer ${i + 1}`);
    const further = tracer.probes();
    expect(tracer.hops(further)).toEqual([5, 6, 7, 8]);
    // The peer is the sixth: it replies to what could have gone further, too.
    tracer.reply(further[3] as PacketSend, 'dave');
    tracer.reply(further[2] as PacketSend, 'dave');
    tracer.reply(further[1] as PacketSend, 'dave');
    tracer.reply(further[0] as PacketSend, 'peer 5');
    const { hops } = tracer.outcome as TraceResult;
    expect(hops.map(({ peer }) => peer)).toEqual(['peer 1', 'peer 2', 'peer 3', 'peer 4', 'peer 5', 'dave']);
  });

  test('sends what is lost once more', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 2);
    const [first, second] = tracer.trace() as [PacketSend, PacketSend];
    tracer.at(10);
    tracer.reply(second, 'dave');
    tracer.at(999);
    expect(tracer.probes()).toEqual([]);
    tracer.at(1_000);
    const [again, ...more] = tracer.probes() as [PacketSend];
    expect(more).toEqual([]);
    expect(again.hops).toBe(1);
    expect(probeOf(again).nonce).not.toEqual(probeOf(first).nonce);
    tracer.at(1_030);
    tracer.reply(again, 'bob');
    expect((tracer.outcome as TraceResult).hops).toEqual([
      { hop: 1, peer: 'bob', rttMs: 30 },
      { hop: 2, peer: 'dave', rttMs: 10 },
    ]);
  });

  test('takes a late reply with the time that it took', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 1);
    const [probe] = tracer.trace() as [PacketSend];
    tracer.at(1_000);
    tracer.at(1_500);
    tracer.reply(probe, 'dave');
    expect((tracer.outcome as TraceResult).hops).toEqual([{ hop: 1, peer: 'dave', rttMs: 1_500 }]);
  });

  test('leaves a hole where nobody answers twice', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 3);
    const probes = tracer.trace();
    tracer.reply(probes[0] as PacketSend, 'bob');
    tracer.reply(probes[2] as PacketSend, 'dave');
    tracer.at(1_000);
    expect(tracer.hops()).toEqual([2]);
    tracer.at(1_999);
    expect(tracer.outcome).toBeUndefined();
    tracer.at(2_000);
    expect((tracer.outcome as TraceResult).hops).toEqual([
      { hop: 1, peer: 'bob', rttMs: 0 },
      { hop: 2 },
      { hop: 3, peer: 'dave', rttMs: 0 },
    ]);
  });

  test('goes further than the peer was thought to be when it is not there, up to 16 links', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 2);
    const probes = tracer.trace();
    tracer.reply(probes[0] as PacketSend, 'bob');
    tracer.reply(probes[1] as PacketSend, 'carol');
    expect(tracer.hops()).toEqual([3, 4, 5, 6]);
    const seen: (number | undefined)[] = [];
    for (let ms = 1_000; ms < 10_000; ms += 1_000) {
      tracer.at(ms);
      seen.push(...tracer.hops());
    }
    expect(seen).toEqual([
      ...[3, 4, 5, 6],
      ...[7, 8, 9, 10, 7, 8, 9, 10],
      ...[11, 12, 13, 14, 11, 12, 13, 14],
      ...[15, 16, 15, 16],
    ]);
  });

  test('ends in its time: with holes when the peer has answered, else with timeout and who was the last', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 3);
    tracer.ways.known.set('bob', 'Bob');
    const probes = tracer.trace('dave', 700);
    tracer.reply(probes[2] as PacketSend, 'dave');
    tracer.at(700);
    expect((tracer.outcome as TraceResult).hops).toEqual([
      { hop: 1 },
      { hop: 2 },
      { hop: 3, peer: 'dave', rttMs: 0 },
    ]);

    tracer.outcomes.length = 0;
    const [first] = tracer.trace('dave', 700);
    tracer.reply(first as PacketSend, 'bob');
    tracer.at(1_400);
    expect(tracer.outcome).toMatchObject({ code: 'timeout' });
    expect((tracer.outcome as PeerdError).message).toBe(
      'dave did not answer within 700 ms: the last who did is Bob, at hop 1',
    );

    tracer.outcomes.length = 0;
    tracer.trace('dave', 700);
    tracer.at(2_100);
    expect((tracer.outcome as PeerdError).message).toBe(
      'dave did not answer within 700 ms: nobody on the way did',
    );
    expect(tracer.left).toEqual(nothing);
  });

  test('ends when nobody can be meant, and when there is no way', () => {
    const tracer = new Tracer();
    tracer.put({
      type: 'trace',
      ref: 7,
      target: { kind: 'word', key: 'nobody' },
      timeoutMs: 1_000,
      responder: new Responder(),
    });
    tracer.put({
      type: 'peer/unreached',
      ref: 7,
      error: new PeerdError('unknown-peer', 'no peer is called so'),
    });
    expect(tracer.outcome).toMatchObject({ code: 'unknown-peer' });
    tracer.context.take();
    tracer.outcomes.length = 0;
    const [probe] = tracer.trace();
    const error = new PeerdError('unreachable', 'there is no way to dave');
    tracer.put({ type: 'packet/unsent', to: (probe as PacketSend).to, kind: 'probe', error });
    expect(tracer.outcome).toBe(error);
    expect(tracer.left).toEqual(nothing);
  });

  test('goes on when the way ends after the peer has answered', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 2);
    const probes = tracer.trace();
    tracer.reply(probes[1] as PacketSend, 'dave');
    const error = new PeerdError('unreachable', 'there is no way to dave');
    tracer.put({ type: 'packet/unsent', to: 'dave', kind: 'probe', error });
    tracer.reply(probes[0] as PacketSend, 'bob');
    expect((tracer.outcome as TraceResult).hops).toHaveLength(2);
  });

  test.each([
    ['it is cancelled', (tracer: Tracer) => tracer.put({ type: 'trace/cancel', ref: 1 })],
    ['the client is closed', (tracer: Tracer) => tracer.put({ type: 'client/closed' })],
    [
      'the server stops',
      (tracer: Tracer) => {
        tracer.state.stop();
        tracer.put({ type: 'tick' });
      },
    ],
  ])('ends with stopped when %s', (_, end) => {
    const tracer = new Tracer();
    tracer.trace();
    end(tracer);
    expect(tracer.outcome).toMatchObject({ code: 'stopped' });
    expect(tracer.left).toEqual(nothing);
  });

  test('is one of 1,024 at a time: the next is busy, and counted', () => {
    const tracer = new Tracer();
    for (let i = 0; i < 1_024; i += 1) tracer.trace();
    expect(tracer.outcomes).toEqual([]);
    expect(tracer.trace()).toEqual([]);
    expect(tracer.outcomes).toMatchObject([{ code: 'busy' }]);
    expect(tracer.state.quotas[0]?.info).toEqual({
      name: 'traces',
      unit: 'items',
      size: 1_024,
      limit: 1_024,
      refused: 1,
    });
  });
});

describe('a reply to a probe', () => {
  const forged = (options: Parameters<Tracer['reply']>[2]) => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 1);
    const [probe] = tracer.trace() as [PacketSend];
    tracer.reply(probe, 'mallory', options);
    return { tracer, probe };
  };

  test.each([
    ['somebody else', { from: 'dave' }],
    ['a probe to somebody else', { destination: 'erin' }],
    ['a probe that could go further', { hops: 2 }],
  ])('that was signed by or for %s is refused and counted, and the true one is still taken', (_, options) => {
    const { tracer, probe } = forged(options);
    expect(tracer.outcome).toBeUndefined();
    expect(tracer.counts).toEqual({ 'forged replies to probes': 1 });
    tracer.reply(probe, 'dave');
    expect((tracer.outcome as TraceResult).hops).toEqual([{ hop: 1, peer: 'dave', rttMs: 0 }]);
  });

  test('is checked three times at most: a signature takes time', () => {
    const { tracer, probe } = forged({ from: 'dave' });
    for (let i = 0; i < 5; i += 1) tracer.reply(probe, 'mallory', { from: 'dave' });
    expect(tracer.counts).toEqual({
      'forged replies to probes': 3,
      'replies to probes that nobody waits for': 3,
    });
    // The probe that goes out in its place has a nonce of its own.
    tracer.at(1_000);
    const [again] = tracer.probes();
    tracer.reply(again as PacketSend, 'dave');
    expect((tracer.outcome as TraceResult).hops).toHaveLength(1);
  });

  test('that comes twice, or that nobody waits for, is counted', () => {
    const tracer = new Tracer();
    tracer.ways.distances.set('dave', 2);
    const [probe] = tracer.trace() as [PacketSend];
    tracer.reply(probe, 'bob');
    tracer.reply(probe, 'bob');
    tracer.put({
      type: 'packet/received',
      from: 'bob',
      kind: 'probe-reply',
      body: new Uint8Array(5),
      path: undefined,
      neighbour: 'n',
    });
    expect(tracer.counts).toEqual({
      'malformed probes and replies': 1,
      'replies to probes that nobody waits for': 1,
    });
  });
});

describe('a probe of somebody else', () => {
  const nonce = new Uint8Array(16).fill(3);
  const expired = (from: string, neighbour: string, body = encodeProbe({ nonce, hops: 2 })): TraceInput => ({
    type: 'probe/expired',
    from,
    to: 'dave',
    body,
    neighbour,
  });
  const replies = (node: Tracer) =>
    node.context.takeOf('packet/send').filter(({ kind }) => kind === 'probe-reply');

  test('that may go no further is answered, signed, to where it is from', () => {
    const node = new Tracer('bob');
    node.put(expired('alice', 'n'));
    const signature = sign(
      'bob',
      replyStatement('bob', nonce, { source: 'alice', destination: 'dave', hops: 2 }),
    );
    expect(replies(node)).toEqual([
      {
        type: 'packet/send',
        to: 'alice',
        kind: 'probe-reply',
        body: [encodeReply({ nonce, signature })],
        attempt: 0,
        record: false,
      },
    ]);
  });

  test('that is for this node is answered as well', () => {
    const node = new Tracer('dave');
    node.put({
      type: 'packet/received',
      from: 'alice',
      kind: 'probe',
      body: encodeProbe({ nonce, hops: 9 }),
      path: undefined,
      neighbour: 'n',
    });
    const signature = sign(
      'dave',
      replyStatement('dave', nonce, { source: 'alice', destination: 'dave', hops: 9 }),
    );
    expect(replies(node)).toMatchObject([{ to: 'alice', body: [encodeReply({ nonce, signature })] }]);
  });

  test('is one of a hundred a second that are answered for a neighbour: the others are dropped and counted', () => {
    const node = new Tracer('bob');
    for (let i = 0; i < 130; i += 1) node.put(expired('alice', 'n'));
    expect(replies(node)).toHaveLength(100);
    expect(node.state.quotas[1]?.info).toEqual({
      name: 'replies to probes of the busiest neighbour',
      unit: 'items',
      size: 100,
      limit: 100,
      refused: 30,
    });
    node.put(expired('alice', 'm'));
    expect(replies(node)).toHaveLength(1);
    node.at(500);
    for (let i = 0; i < 130; i += 1) node.put(expired('alice', 'n'));
    expect(replies(node)).toHaveLength(50);
  });

  test('that is none is counted, and so is a reply that has no way', () => {
    const node = new Tracer('bob');
    node.put(expired('alice', 'n', new Uint8Array(16)));
    expect(replies(node)).toEqual([]);
    const error = new PeerdError('unreachable', 'no way');
    node.put({ type: 'packet/unsent', to: 'alice', kind: 'probe-reply', error });
    expect(node.counts).toEqual({ 'malformed probes and replies': 1, 'replies to probes without a way': 1 });
  });
});
