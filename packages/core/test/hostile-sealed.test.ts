import { describe, expect, test } from 'vitest';
import type { PacketFrame } from '../src/request/frames.ts';
import { altered, flipped, HostileStage, read } from './support/hostile-stage.ts';

const unreadable = 'sealed messages that were altered, or are for another key or network';
const payload = Buffer.from('which session?');

/** Alice seals messages for bob, and mallory has them. */
async function begin(count = 1, lifetimeMs = 60_000) {
  const stage = await HostileStage.of();
  const received = stage.watch('bob', 'seal/received');
  const held: PacketFrame[] = [];
  const mallory = stage.actor('mallory');
  mallory.tamper = (to, packet) => {
    if (read(packet).kind !== 'sealed') return [[to, packet]];
    held.push(packet);
    return [];
  };
  const alice = stage.actor('alice');
  const to = stage.id('bob');
  for (let i = 0; i < count; i += 1)
    alice.take({ type: 'seal/send', to, purpose: 'session-unknown', payload, lifetimeMs });
  stage.run(1_000);
  expect(held.length).toBe(count);
  expect(received).toEqual([]);
  /** Hands packets on, and returns what bob has counted. */
  const hand = (...packets: PacketFrame[]) => {
    for (const packet of packets) mallory.hand(to, packet);
    stage.run(1_000);
    const counts = { ...stage.actor('bob').refused };
    return { received: received.splice(0).map(({ from }) => from), counts };
  };
  return { stage, held, packet: held[0] as PacketFrame, hand };
}

describe('of a sealed message a forwarder', () => {
  test('can do no other harm than to hold it back, if it hands it on in the end', async () => {
    const { stage, packet, hand } = await begin();
    expect(read(packet)).toMatchObject({ from: stage.id('alice'), to: stage.id('bob') });
    expect(read(packet).body.includes(payload)).toBe(false);
    stage.run(58_000);
    expect(hand(packet)).toEqual({ received: [stage.id('alice')], counts: {} });
  });

  test('can change no byte, cut off none, and put none before or behind', async () => {
    const { packet, hand } = await begin();
    const { body } = read(packet);
    const bodies = [
      // Of the ephemeral key, the letter and the tag.
      ...[0, 31, 32, 100, -17, -16, -1].map((place) => flipped(body, place)),
      ...[0, 1, 31, 32, 47, 48, body.length - 1].map((length) => body.subarray(0, length)),
      Buffer.concat([body, new Uint8Array(1)]),
      Buffer.concat([new Uint8Array(1), body]),
    ];
    expect(hand(...bodies.map((other) => altered(packet, { body: other })))).toEqual({
      received: [],
      counts: { [unreadable]: bodies.length },
    });
  });

  test('can not put it under the name of another sender', async () => {
    const { stage, packet, hand } = await begin();
    const from = (['carol', 'mallory', 'dave'] as const).map((name) => stage.id(name));
    expect(hand(...from.map((id) => altered(packet, { from: id })))).toEqual({
      received: [],
      counts: { [unreadable]: 3 },
    });
  });

  test('can not have it read by another peer', async () => {
    const { stage, packet } = await begin();
    const received = stage.watch('carol', 'seal/received');
    stage.actor('mallory').hand(stage.id('carol'), altered(packet, { to: stage.id('carol') }));
    stage.run(1_000);
    expect(received).toEqual([]);
    expect(stage.actor('carol').refused).toEqual({ [unreadable]: 1 });
  });

  test('can not send it back to who has sent it, as its own or as one of the recipient', async () => {
    const { stage, packet } = await begin();
    const [alice, bob] = [stage.id('alice'), stage.id('bob')];
    const received = stage.watch('alice', 'seal/received');
    const mallory = stage.actor('mallory');
    mallory.hand(alice, altered(packet, { to: alice }));
    mallory.hand(alice, altered(packet, { from: bob, to: alice }));
    stage.run(1_000);
    expect(received).toEqual([]);
    expect(stage.actor('alice').refused).toEqual({
      'sealed messages that came back to their sender': 1,
      [unreadable]: 1,
    });
  });

  test('can not have it taken twice, at once or later', async () => {
    const { stage, held, packet, hand } = await begin(3);
    expect(hand(packet, packet, packet)).toEqual({
      received: [stage.id('alice')],
      counts: { 'sealed messages that came before': 2 },
    });
    stage.run(30_000);
    // The others may come, in any order: none is the other.
    expect(hand(...held.toReversed())).toEqual({
      received: [stage.id('alice'), stage.id('alice')],
      counts: { 'sealed messages that came before': 3 },
    });
  });

  test('can not have it taken after it has expired', async () => {
    const { stage, packet, hand } = await begin();
    stage.run(60_000);
    expect(hand(packet)).toEqual({ received: [], counts: { 'expired sealed messages': 1 } });
  });

  test('can not have it taken again by a recipient that has forgotten it, since it was restarted', async () => {
    const { stage, packet, hand } = await begin(1, 300_000);
    expect(hand(packet).received).toEqual([stage.id('alice')]);
    stage.restart('bob', 'mallory');
    const again = stage.watch('bob', 'seal/received');
    expect(hand(packet).counts).toEqual({ 'sealed messages for an earlier run': 1 });
    expect(again).toEqual([]);
  });

  test('can not pass it off as a packet of another kind, nor another one as a sealed message', async () => {
    const { packet, hand } = await begin();
    const kinds = ['data', 'control', 'init', 'response', 'seek', 'offer', 'probe', 'probe-reply'] as const;
    const { received, counts } = hand(...kinds.map((kind) => altered(packet, { kind })));
    expect(received).toEqual([]);
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(kinds.length);
    expect(hand(packet).received.length).toBe(1);
  });
});
