import { PeerdError } from '@peerd/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PacketSend } from '../src/forwarding/messages.ts';
import { probeOf, Tracer } from './support/tracer.ts';

let tracer: Tracer;
beforeEach(() => {
  tracer = new Tracer();
  tracer.ways.nexts.set('dave', 'bob');
});

/** Asks for a round trip to dave. Returns the probe that it begins with. */
function ask(ref = 1): PacketSend {
  tracer.put({ type: 'probe/ask', ref, peer: 'dave' });
  const [probe, ...more] = tracer.probes();
  expect(more).toEqual([]);
  return probe as PacketSend;
}
const answers = () => tracer.context.takeOf('probe/answered').map(({ ref, rttMs }) => [ref, rttMs]);
const failures = () => tracer.context.takeOf('probe/unanswered');
const left = () => {
  const { roundTrips, probes } = tracer.state.snapshot() as { roundTrips: unknown[]; probes: number };
  return { roundTrips, probes, nextTickMs: tracer.state.nextTickMs };
};
const nothing = { roundTrips: [], probes: 0, nextTickMs: Number.POSITIVE_INFINITY };
const noWay = () => {
  tracer.ways.nexts.clear();
  const error = new PeerdError('unreachable', 'there is no way to dave');
  return () => tracer.put({ type: 'packet/unsent', to: 'dave', kind: 'probe', error });
};

describe('a round trip over others', () => {
  test('is measured by one probe that may go all the way', () => {
    const probe = ask();
    expect(probe).toMatchObject({ to: 'dave', kind: 'probe', hops: 16, attempt: 0, record: false });
    expect(probeOf(probe).hops).toBe(16);
    tracer.at(7);
    tracer.reply(probe, 'dave');
    expect(answers()).toEqual([[1, 7]]);
    expect(left()).toEqual(nothing);
  });

  test('goes by another way each second that no answer comes, and a late answer counts from its own start', () => {
    const first = ask();
    tracer.at(999);
    expect(tracer.probes()).toEqual([]);
    tracer.at(1_000);
    tracer.at(2_000);
    expect(tracer.probes().map(({ attempt }) => attempt)).toEqual([1, 2]);
    tracer.at(2_500);
    tracer.reply(first, 'dave');
    expect(answers()).toEqual([[1, 2_500]]);
    expect(left()).toEqual(nothing);
  });

  test('is not ended by an answer that the peer has not signed, nor by whoever the probe ended at', () => {
    const probe = ask();
    tracer.reply(probe, 'mallory', { from: 'dave' });
    expect(tracer.counts).toEqual({ 'forged replies to probes': 1 });
    tracer.reply(probe, 'erin');
    expect(answers()).toEqual([]);
    tracer.at(1_000);
    tracer.reply(tracer.probes()[0] as PacketSend, 'dave');
    expect(answers()).toEqual([[1, 0]]);
  });

  test('counts an answer for ten seconds, however long it is waited for', () => {
    const first = ask();
    for (let ms = 1_000; ms <= 60_000; ms += 1_000) tracer.at(ms);
    expect(tracer.probes()).toHaveLength(60);
    expect(left()).toMatchObject({ probes: 10, roundTrips: [{ probes: 10 }] });
    tracer.reply(first, 'dave');
    expect(answers()).toEqual([]);
    expect(tracer.counts).toEqual({ 'replies to probes that nobody waits for': 1 });
  });

  test('leaves nothing behind when nobody waits for it any more', () => {
    const probe = ask();
    tracer.put({ type: 'probe/leave', ref: 1 });
    expect(left()).toEqual(nothing);
    tracer.reply(probe, 'dave');
    tracer.put({ type: 'probe/leave', ref: 1 });
    expect(answers()).toEqual([]);
  });

  test('fails when no way has led to the peer for three seconds, and says why', () => {
    const unsent = noWay();
    ask();
    unsent();
    for (const ms of [1_000, 2_000]) {
      tracer.at(ms);
      unsent();
      expect(failures()).toEqual([]);
    }
    tracer.at(3_000);
    expect(failures()).toEqual([
      {
        type: 'probe/unanswered',
        ref: 1,
        error: expect.objectContaining({ code: 'unreachable', message: 'there is no way to dave' }),
      },
    ]);
    expect(left()).toEqual(nothing);
  });

  test('goes on when a way is found again before that', () => {
    const unsent = noWay();
    ask();
    unsent();
    tracer.at(2_000);
    tracer.ways.nexts.set('dave', 'carol');
    for (let ms = 3_000; ms < 9_000; ms += 1_000) tracer.at(ms);
    expect(failures()).toEqual([]);
    tracer.reply(tracer.probes().at(-1) as PacketSend, 'dave');
    expect(answers()).toHaveLength(1);
  });

  test('to a peer that nobody leads to is tried at random, and fails after three seconds', () => {
    noWay();
    ask();
    tracer.at(1_000);
    tracer.at(2_000);
    expect(tracer.probes()).toHaveLength(2);
    tracer.at(3_000);
    expect(failures()[0]?.error.message).toBe('nobody leads to dave, and it was not found at random');
  });

  test('is one of many to the same peer, each with its own answer', () => {
    const [first, second] = [ask(1), ask(2)];
    tracer.at(3);
    tracer.reply(second, 'dave');
    expect(answers()).toEqual([[2, 3]]);
    tracer.at(5);
    tracer.reply(first, 'dave');
    expect(answers()).toEqual([[1, 5]]);
  });
});
