import { describe, expect, test } from 'vitest';
import { type End, receivedFrom, SessionPair } from './support/session-pair.ts';

const LINK = 7;

function text(end: End, link: number): string {
  return (end.received.get(link) ?? Buffer.alloc(0)).toString();
}

async function opened(seed = 1): Promise<SessionPair> {
  const pair = await SessionPair.of(seed);
  pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
  pair.run(1_000, () => pair.of(pair.a, 'session/opened').length > 0);
  return pair;
}

const write = (link: number, ...parts: string[]) =>
  ({ type: 'session/write', link, parts: parts.map((part) => Buffer.from(part)), record: false }) as const;

function counted(end: End, word: string): number {
  return end.state.counters.find(({ name }) => name.includes(word))?.count ?? Number.NaN;
}

/** Where the other end hears what is written on `LINK`. */
function inboundOf(pair: SessionPair): number {
  const [signal] = pair.of(pair.b, 'session/inbound');
  return (signal as { readonly link: number }).link;
}

test('two ends shake hands, and what one writes the other reads, both ways', async () => {
  const pair = await opened();
  pair.step(pair.a, write(LINK, 'hello ', 'there'));
  pair.run(100);
  expect(pair.of(pair.b, 'session/inbound')).toMatchObject([{ peer: pair.a.id, name: 'alice' }]);
  const inbound = inboundOf(pair);
  expect(text(pair.b, inbound)).toBe('hello there');
  pair.step(pair.b, write(inbound, 'and back'));
  pair.run(100);
  expect(text(pair.a, LINK)).toBe('and back');
});

test('a request and its answer take two packets, and an acknowledgement that could wait no longer', async () => {
  const pair = await opened();
  pair.sent = 0;
  pair.step(pair.a, write(LINK, 'ask'));
  pair.run(6);
  pair.step(pair.b, write(inboundOf(pair), 'answer'));
  pair.run(6);
  expect(text(pair.a, LINK)).toBe('answer');
  expect(pair.sent).toBe(2);
  pair.run(10_000);
  expect(pair.sent).toBe(3);
});

describe('over a network that loses, repeats and reorders', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
  test.each(seeds)('a megabyte arrives as it was: seed %i', async (seed) => {
    const pair = await opened(seed);
    pair.weather = { loss: 0.05, duplication: 0.05, delayMs: [5, 30] };
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7919 + seed) >> 3));
    for (let at = 0; at < bytes.length; at += 100_000)
      pair.step(pair.a, {
        type: 'session/write',
        link: LINK,
        parts: [bytes.subarray(at, at + 100_000)],
        record: false,
      });
    const arrived = () => pair.b.received.get(inboundOf(pair))?.length === bytes.length;
    expect(pair.run(60_000, () => pair.of(pair.b, 'session/inbound').length > 0 && arrived())).toBe(true);
    expect(pair.b.received.get(inboundOf(pair))?.equals(bytes)).toBe(true);
    pair.run(10_000);
    expect(pair.of(pair.a, 'session/closed')).toEqual([]);
    const count = pair.sent;
    pair.run(60_000);
    expect(pair.sent).toBe(count);
  });

  test.each(seeds)('a handshake comes to its end: seed %i', async (seed) => {
    const pair = await SessionPair.of(seed);
    pair.weather = { loss: 0.3, duplication: 0.2, delayMs: [5, 100] };
    pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
    expect(pair.run(10_000, () => pair.of(pair.a, 'session/opened').length > 0)).toBe(true);
  });
});

test('who does not answer fails the handshake within 15 s', async () => {
  const pair = await SessionPair.of();
  pair.weather = { loss: 1 };
  pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
  pair.run(16_000);
  expect(pair.of(pair.a, 'session/failed')).toMatchObject([{ link: LINK, code: 'unreachable' }]);
});

test('a session whose other end has gone silent is closed after 15 s, and tries one way after the other until then', async () => {
  const pair = await opened();
  const attempts = new Set<number>();
  pair.tap = (packet) => {
    attempts.add(packet.attempt);
    return [];
  };
  pair.step(pair.a, write(LINK, 'anybody?'));
  pair.run(14_000);
  expect(pair.of(pair.a, 'session/closed')).toEqual([]);
  expect(attempts.size).toBeGreaterThan(5);
  pair.run(2_000);
  expect(pair.of(pair.a, 'session/closed')).toMatchObject([{ link: LINK }]);
});

test('when a peer can be reached again the session is tried at once: one that it does not know is over before a call needs it', async () => {
  const pair = await opened();
  pair.step(pair.a, write(LINK, 'ask'));
  pair.run(1_000);
  pair.step(pair.a, { type: 'route/lost', peer: pair.b.id, name: 'bob' });
  pair.run(100);
  const before = pair.sent;
  pair.step(pair.a, { type: 'route/found', peer: pair.b.id, name: 'bob' });
  expect(pair.sent).toBe(before + 1);
  pair.run(60_000);
  expect(pair.of(pair.a, 'session/closed')).toEqual([]);
});

test('a way that drops everything is left for another, and nothing is lost', async () => {
  const pair = await opened();
  pair.tap = (packet) => (packet.attempt < 3 ? [] : [packet]);
  pair.step(pair.a, write(LINK, 'ask'));
  expect(pair.run(5_000, () => pair.of(pair.b, 'session/inbound').length > 0)).toBe(true);
});

describe('what is not genuine is refused and counted', () => {
  test('an altered packet, of every kind, at every byte', async () => {
    for (const kind of ['init', 'response', 'data', 'control'] as const) {
      const pair = await SessionPair.of();
      let at = 0;
      let altered = 0;
      pair.tap = (packet) => {
        if (packet.kind !== kind) return [packet];
        const body = Buffer.concat(packet.body);
        const changed = Buffer.from(body);
        at = (at + 1) % body.length;
        changed[at] = (changed[at] as number) ^ 1;
        altered += 1;
        return [{ ...packet, body: [changed] }, packet];
      };
      pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
      pair.run(10_000, () => pair.of(pair.a, 'session/opened').length > 0);
      for (let i = 0; i < 50; i += 1) {
        pair.step(pair.a, write(LINK, `${i} `));
        pair.run(40);
      }
      expect(altered, kind).toBeGreaterThan(0);
      const { a, b } = pair;
      const refused = [a, b].flatMap(({ state }) => state.counters.map(({ count }) => count));
      expect(
        refused.reduce((sum, count) => sum + count),
        kind,
      ).toBeGreaterThanOrEqual(altered);
      expect(text(b, inboundOf(pair)), kind).toBe(Array.from({ length: 50 }, (_, i) => `${i} `).join(''));
    }
  });

  test('a handshake that is played again, also when its session is over', async () => {
    const pair = await SessionPair.of();
    let init: Parameters<typeof pair.tap>[0] | undefined;
    pair.tap = (packet) => {
      if (packet.kind === 'init') init ??= packet;
      return [packet];
    };
    pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
    pair.run(100);
    pair.step(pair.a, write(LINK, 'ask'));
    pair.run(100);
    pair.step(pair.a, { type: 'session/close', link: LINK, reason: '' });
    pair.run(100);
    const body = Buffer.concat(init?.body ?? []);
    pair.step(pair.b, receivedFrom(pair.a.id, 'init', body));
    expect(counted(pair.b, 'repeated')).toBe(1);
    expect(pair.sessionsOf(pair.b)).toBe(0);
    pair.run(1_000);
    expect(pair.of(pair.a, 'session/failed')).toEqual([]);
  });

  test('packets that are played again, and packets thrown back at their sender', async () => {
    const pair = await opened();
    const seen: Buffer[] = [];
    pair.tap = (packet) => {
      if (packet.kind === 'data') seen.push(Buffer.concat(packet.body));
      return [packet];
    };
    pair.step(pair.a, write(LINK, 'once'));
    pair.run(1_000);
    for (const body of seen) {
      pair.step(pair.b, receivedFrom(pair.a.id, 'data', body));
      pair.step(pair.a, receivedFrom(pair.b.id, 'data', body));
    }
    pair.run(1_000);
    expect(text(pair.b, inboundOf(pair))).toBe('once');
    expect(counted(pair.b, 'repeated')).toBeGreaterThanOrEqual(1);
    expect(counted(pair.a, 'of no') + counted(pair.a, 'forged')).toBeGreaterThanOrEqual(1);
  });
});

describe('a peer that no advert has come from', () => {
  test('is asked for its key', async () => {
    const pair = await SessionPair.of(1, { hasAdverts: false });
    pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
    expect(pair.run(1_000, () => pair.of(pair.a, 'session/opened').length > 0)).toBe(true);
  });

  test('is asked again, and unreachable when it does not answer within 3 s', async () => {
    const pair = await SessionPair.of(1, { hasAdverts: false });
    pair.weather = { loss: 1 };
    pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
    pair.run(2_900);
    expect(pair.of(pair.a, 'session/failed')).toEqual([]);
    expect(pair.sent).toBeGreaterThan(3);
    pair.run(700);
    expect(pair.of(pair.a, 'session/failed')).toMatchObject([{ code: 'unreachable' }]);
  });

  test('is not spoken for by others: a key that its identity did not sign is refused and counted', async () => {
    const pair = await SessionPair.of(1, { hasAdverts: false });
    pair.tap = (packet) => {
      if (packet.kind !== 'offer') return [packet];
      const body = Buffer.concat(packet.body);
      body[10] = (body[10] as number) ^ 1;
      return [{ ...packet, body: [body] }];
    };
    pair.step(pair.a, { type: 'session/open', link: LINK, peer: pair.b.id });
    pair.run(4_000);
    expect(pair.of(pair.a, 'session/failed')).toMatchObject([{ code: 'unreachable' }]);
    expect(counted(pair.a, 'forged')).toBeGreaterThan(3);
  });
});

test('a network with another secret gets no session', async () => {
  const pair = await SessionPair.of(1, { psk: Buffer.alloc(32, 9) });
  const other = await SessionPair.of(2);
  const body: Buffer[] = [];
  other.tap = (packet) => {
    body.push(Buffer.concat(packet.body));
    return [];
  };
  other.step(other.a, { type: 'session/open', link: LINK, peer: other.b.id });
  pair.step(pair.b, receivedFrom(pair.a.id, 'init', body[0] as Buffer));
  pair.tap = (packet) => {
    other.step(other.a, receivedFrom(other.b.id, packet.kind, Buffer.concat(packet.body)));
    return [];
  };
  pair.run(1_000);
  expect(other.of(other.a, 'session/opened')).toEqual([]);
});

test('who is on the deny list is refused with the reason, and a session with it is closed', async () => {
  const pair = await opened();
  pair.step(pair.a, write(LINK, 'ask'));
  pair.run(100);
  const deny = { type: 'reconfigure', allow: [], deny: [pair.a.id] } as never;
  pair.step(pair.b, deny);
  pair.run(100);
  expect(pair.of(pair.a, 'session/closed')).toMatchObject([{ link: LINK }]);
  pair.step(pair.a, { type: 'session/open', link: 8, peer: pair.b.id });
  pair.run(1_000);
  expect(pair.of(pair.a, 'session/failed')).toMatchObject([{ link: 8, code: 'forbidden' }]);
});

test('what nobody has acknowledged holds the writer back, and lets it go on', async () => {
  const pair = await opened();
  pair.weather = { loss: 1 };
  for (let i = 0; i < 24; i += 1)
    pair.step(pair.a, { type: 'session/write', link: LINK, parts: [Buffer.alloc(100_000)], record: false });
  expect(pair.of(pair.a, 'session/blocked')).toMatchObject([{ link: LINK }]);
  pair.weather = {};
  pair.run(10_000);
  expect(pair.of(pair.a, 'session/drained')).toMatchObject([{ link: LINK }]);
});
