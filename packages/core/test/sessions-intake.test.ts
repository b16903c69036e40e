import { describe, expect, test } from 'vitest';
import type { PacketSend } from '../src/forwarding/messages.ts';
import { receivedFrom, SessionPair } from './support/session-pair.ts';

const LINK = 7;

const open = (pair: SessionPair, link = LINK) =>
  pair.step(pair.a, { type: 'session/open', link, peer: pair.b.id });

const bodyOf = ({ body }: PacketSend): Buffer => Buffer.concat(body);

/** What one end sends of a kind, and does not reach the other. */
function held(pair: SessionPair, kind: PacketSend['kind']): PacketSend[] {
  const packets: PacketSend[] = [];
  pair.tap = (packet) => {
    if (packet.kind !== kind) return [packet];
    packets.push(packet);
    return [];
  };
  return packets;
}

test('a refusal that got lost is said again', async () => {
  const pair = await SessionPair.of();
  pair.step(pair.b, { type: 'reconfigure', allow: [], deny: [pair.a.id] } as never);
  let answers = 0;
  pair.tap = (packet) => {
    if (packet.kind !== 'response') return [packet];
    answers += 1;
    return answers === 1 ? [] : [packet];
  };
  open(pair);
  pair.run(3_000);
  expect(pair.of(pair.a, 'session/failed')).toMatchObject([{ code: 'forbidden' }]);
});

test('an end whose clock has gone back goes on from what the other remembers', async () => {
  const ahead = await SessionPair.of(1, { firstSequence: 1_000_000 });
  const [init] = [held(ahead, 'init')];
  open(ahead);
  const behind = await SessionPair.of(2, { firstSequence: 10 });
  // The same two ends, and the second remembers what the first has begun in an earlier run.
  behind.step(behind.b, receivedFrom(behind.a.id, 'init', bodyOf(init[0] as PacketSend)));
  expect(behind.sessionsOf(behind.b)).toBe(1);
  open(behind);
  expect(behind.run(1_000, () => behind.of(behind.a, 'session/opened').length > 0)).toBe(true);
});

describe('handshakes', () => {
  test('that are none take little of what there is for those that are', async () => {
    const pair = await SessionPair.of();
    const garbage = Buffer.alloc(200, 7);
    for (let i = 0; i < 700; i += 1) {
      garbage.writeUInt32BE(i);
      pair.step(pair.b, { ...receivedFrom(pair.a.id, 'init', garbage), neighbour: 'mallory' });
    }
    open(pair);
    expect(pair.run(400, () => pair.of(pair.a, 'session/opened').length > 0)).toBe(true);
  });

  test('questions for a key take none of it', async () => {
    const pair = await SessionPair.of();
    for (let i = 0; i < 1_000; i += 1) pair.step(pair.b, receivedFrom(pair.a.id, 'seek', Buffer.alloc(0)));
    open(pair);
    expect(pair.run(400, () => pair.of(pair.a, 'session/opened').length > 0)).toBe(true);
  });
});

test('who is told by which way things came, and acknowledges nothing, is told so only as far as there is room', async () => {
  const pair = await SessionPair.of();
  open(pair);
  pair.run(1_000);
  const path = Array.from({ length: 15 }, () => pair.b.id);
  pair.tap = (packet, from) => {
    if (from === pair.b.id) return [];
    pair.step(pair.b, { ...receivedFrom(pair.a.id, packet.kind, bodyOf(packet)), path });
    return [];
  };
  for (let i = 0; i < 5_000; i += 1) {
    pair.step(pair.a, { type: 'session/write', link: LINK, parts: [Buffer.alloc(10)], record: true });
    pair.run(1);
  }
  const bytes = pair.b.state.quotas.find(({ name }) => name === 'bytes of sessions under way')?.info.size;
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(1.1 * 1024 * 1024);
});
