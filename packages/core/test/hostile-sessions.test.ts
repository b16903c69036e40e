import { describe, expect, test } from 'vitest';
import type { PacketKind } from '../src/forwarding/messages.ts';
import type { PacketFrame } from '../src/request/frames.ts';
import type { Tamper } from './support/core-actor.ts';
import { altered, flipped, HostileStage, read, recorded } from './support/hostile-stage.ts';

type Attack = (packet: PacketFrame, stage: HostileStage) => readonly (readonly [string, PacketFrame])[];

/** Who hands a packet of alice's on gives it to bob, and the other way round. */
const onward = (packet: PacketFrame): string => read(packet).to;

const withBody =
  (change: (body: Buffer) => Uint8Array): Attack =>
  (packet) => [[onward(packet), altered(packet, { body: change(read(packet).body) })]];

/** What is done to a packet instead of handing it on. */
const attacks: Readonly<Record<string, Attack>> = {
  'changes the first byte': withBody((body) => flipped(body, 0)),
  'changes a byte in the middle': withBody((body) => flipped(body, Math.floor(body.length / 2))),
  'changes the last byte': withBody((body) => flipped(body, -1)),
  'cuts off the last byte': withBody((body) => body.subarray(0, -1)),
  'cuts off all but the first byte': withBody((body) => body.subarray(0, 1)),
  'cuts off everything': withBody(() => new Uint8Array(0)),
  'puts a byte behind': withBody((body) => Buffer.concat([body, new Uint8Array(1)])),
  'names another peer as its source': (packet, stage) => [
    [onward(packet), altered(packet, { from: stage.id('carol') })],
  ],
  'names itself as its source': (packet, stage) => [
    [onward(packet), altered(packet, { from: stage.id('mallory') })],
  ],
  'names the recipient as its source': (packet) => [
    [onward(packet), altered(packet, { from: onward(packet) })],
  ],
  'hands it to somebody else': (packet, stage) => [
    [stage.id('carol'), altered(packet, { to: stage.id('carol') })],
  ],
  'sends it back': (packet) => {
    const { from, to } = read(packet);
    return [[from, altered(packet, { from: to, to: from })]];
  },
  'sends it back as it is': (packet) => [[read(packet).from, altered(packet, { to: read(packet).from })]],
};

const kinds = ['init', 'response', 'data', 'control'] as const satisfies PacketKind[];
const cases = kinds.flatMap((kind) => Object.keys(attacks).map((attack) => [attack, kind] as const));

/** What of packets was refused or dropped at the two ends and at carol. */
function refusedAt(stage: HostileStage): number {
  let sum = 0;
  for (const name of ['alice', 'bob', 'carol'] as const)
    for (const [what, count] of Object.entries(stage.actor(name).refused))
      if (what.includes('session') || what.includes('packets')) sum += count;
  return sum;
}

/** A question that takes some packets each way. */
const question = 'what is the answer? '.repeat(10_000);

describe('of the packets of a session a forwarder', () => {
  test.each(cases)(
    '%s of each %s and hands on the genuine one too: it is refused, the call is answered',
    async (attack, kind) => {
      const stage = await HostileStage.of();
      let attacked = 0;
      stage.actor('mallory').tamper = (to, packet) => {
        if (read(packet).kind !== kind) return [[to, packet]];
        attacked += 1;
        return [...(attacks[attack] as Attack)(packet, stage), [to, packet]];
      };
      expect(stage.ask(question)).toBe(question);
      stage.run(5_000);
      expect(attacked).toBeGreaterThan(0);
      expect(refusedAt(stage)).toBeGreaterThanOrEqual(attacked);
      expect(stage.actor('bob').asked).toEqual([{ peer: stage.id('alice'), payload: question }]);
      expect(stage.actor('carol').asked).toEqual([]);
    },
  );

  test.each(cases)(
    '%s of the first three %s instead of handing them on: the call is answered all the same',
    async (attack, kind) => {
      const stage = await HostileStage.of();
      let attacked = 0;
      stage.actor('mallory').tamper = (to, packet) => {
        if (read(packet).kind !== kind || attacked === 3) return [[to, packet]];
        attacked += 1;
        return (attacks[attack] as Attack)(packet, stage);
      };
      expect(stage.ask(question)).toBe(question);
      expect(attacked).toBeGreaterThan(0);
      expect(stage.actor('bob').asked).toEqual([{ peer: stage.id('alice'), payload: question }]);
    },
  );
});

describe.each(['table', 'source'] as const)(
  'between two ends, where routing is by %s, a forwarder',
  (strategy) => {
    test('reads nothing of what they say', async () => {
      const stage = await HostileStage.of(strategy);
      const bodies: Buffer[] = [];
      stage.actor('mallory').tamper = (to, packet) => {
        bodies.push(read(packet).body);
        return [[to, packet]];
      };
      stage.actor('bob').onRequest = () => Buffer.from('it is forty-two');
      expect(stage.ask('what is the answer?')).toBe('it is forty-two');
      expect(bodies.length).toBeGreaterThan(3);
      for (const text of ['what is the answer?', 'forty-two', 'alice', 'bob', stage.id('alice')])
        expect(bodies.filter((body) => body.includes(text))).toEqual([]);
      // Of the same question another time nothing is the same.
      const first = new Set(bodies.splice(0).map((body) => body.toString('hex')));
      expect(stage.ask('what is the answer?')).toBe('it is forty-two');
      expect(bodies.filter((body) => first.has(body.toString('hex')))).toEqual([]);
    });

    test('has nothing done twice, whatever it sends again, at once or later', async () => {
      const stage = await HostileStage.of(strategy);
      const kept: (readonly [string, PacketFrame])[] = [];
      const mallory = stage.actor('mallory');
      mallory.tamper = (to, packet) => {
        kept.push([to, packet]);
        return [
          [to, packet],
          [to, packet],
          [to, packet],
        ];
      };
      expect(stage.ask(question)).toBe(question);
      mallory.tamper = (to, packet) => [[to, packet]];
      const again = () => {
        for (const [to, packet] of kept) mallory.hand(to, packet);
        stage.run(5_000);
      };
      again();
      stage.run(120_000);
      again();
      expect(stage.actor('bob').asked.length).toBe(1);
      for (const name of ['alice', 'bob'] as const)
        expect(stage.actor(name).refused['repeated packets of sessions']).toBeGreaterThan(10);
      expect(stage.ask('one more')).toBe('one more');
    });

    test('has nothing done again by a peer that was restarted', async () => {
      const stage = await HostileStage.of(strategy);
      const kept: (readonly [string, PacketFrame])[] = [];
      const mallory = stage.actor('mallory');
      mallory.tamper = (to, packet) => {
        kept.push([to, packet]);
        return [[to, packet]];
      };
      expect(stage.ask(question)).toBe(question);
      stage.restart('bob', 'mallory');
      kept.push(...kept.splice(0));
      for (const [to, packet] of [...kept]) if (to === stage.id('bob')) mallory.hand(to, packet);
      stage.run(20_000);
      expect(stage.actor('bob').asked).toEqual([]);
      expect(stage.ask('one more')).toBe('one more');
      expect(stage.actor('bob').asked).toEqual([{ peer: stage.id('alice'), payload: 'one more' }]);
    });

    test('can not end their session, whatever it says of it', async () => {
      const stage = await HostileStage.of(strategy);
      const inits: PacketFrame[] = [];
      const data: PacketFrame[] = [];
      const mallory = stage.actor('mallory');
      mallory.tamper = (to, packet) => {
        const { kind } = read(packet);
        if (kind === 'init') inits.push(packet);
        if (kind === 'data') data.push(packet);
        return [[to, packet]];
      };
      expect(stage.ask('one')).toBe('one');
      const sample = data[0] as PacketFrame;
      const [alice, bob] = [stage.id('alice'), stage.id('bob')];
      const id = read(sample).body.subarray(0, 6);
      // As the peer that it is: that of the session is another one.
      for (const to of [alice, bob])
        mallory.take({ type: 'seal/send', to, purpose: 'session-unknown', payload: id, lifetimeMs: 60_000 });
      // In the other's name, what it can not seal.
      for (const kind of ['sealed', 'control', 'data', 'response', 'init'] as const) {
        const body = Buffer.concat([id, new Uint8Array(6), new Uint8Array(40).fill(1)]);
        mallory.hand(bob, altered(sample, { kind, from: alice, to: bob, body }));
        mallory.hand(alice, altered(sample, { kind, from: bob, to: alice, body }));
      }
      stage.run(5_000);
      expect(stage.ask('two')).toBe('two');
      expect(inits.length).toBe(1);
    });

    test('is found out when it drops everything: the call fails, and says who could not be reached', async () => {
      const stage = await HostileStage.of(strategy);
      stage.actor('mallory').tamper = () => [];
      expect(stage.ask('anybody there?')).toMatch(new RegExp(`^unreachable: .*${stage.id('bob')}`));
      expect(stage.actor('bob').asked).toEqual([]);
    });

    test('is found out when it drops everything in the middle of a call: that ends, and its outcome is unknown', async () => {
      const stage = await HostileStage.of(strategy);
      const mallory = stage.actor('mallory');
      mallory.tamper = (to, packet) =>
        read(packet).kind === 'data' && to === stage.id('alice') ? [] : [[to, packet]];
      expect(stage.ask('anybody there?', 60_000)).toMatch(/^(disconnected|timeout): /);
      expect(stage.actor('bob').asked.length).toBe(1);
    });

    test('is routed around when it drops everything, where there is another way', async () => {
      const stage = await HostileStage.of(strategy);
      stage.link('alice', 'dave');
      stage.link('dave', 'bob');
      stage.run(6_000);
      expect(stage.ask('one')).toBe('one');
      stage.actor('mallory').tamper = () => [];
      expect(stage.ask('two')).toBe('two');
      expect(stage.ask(question)).toBe(question);
      expect(stage.actor('bob').asked.length).toBe(3);
    });

    test.each([1, 2, 3])(
      'is routed around when it drops everything in the middle of a call: seed %i',
      async (seed) => {
        const stage = await HostileStage.of(strategy, seed);
        stage.link('alice', 'dave');
        stage.link('dave', 'bob');
        stage.run(6_000);
        const mallory = stage.actor('mallory');
        // The session goes over mallory, for dave passes nothing on.
        stage.actor('dave').tamper = () => [];
        expect(stage.ask('one')).toBe('one');
        stage.actor('dave').tamper = (to, packet) => [[to, packet]];
        let left = 3;
        mallory.tamper = (to, packet) => {
          left -= 1;
          return left < 0 ? [] : [[to, packet]];
        };
        expect(stage.ask(question)).toBe(question);
        expect(left).toBeLessThan(0);
      },
    );

    test.each([1, 2, 3])(
      'can not draw to itself what it then drops, by old packets that say that they came over it: seed %i',
      async (seed) => {
        const stage = await HostileStage.of(strategy, seed);
        stage.link('alice', 'dave');
        stage.link('dave', 'bob');
        stage.run(6_000);
        const kept: PacketFrame[] = [];
        const mallory = stage.actor('mallory');
        const keep: Tamper = (to, packet) => {
          kept.push(packet);
          return [[to, packet]];
        };
        mallory.tamper = keep;
        // Both directions go over mallory, if need be because dave passes nothing on.
        stage.actor('dave').tamper = () => [];
        expect(stage.ask('one')).toBe('one');
        expect(kept.length).toBeGreaterThan(3);
        stage.actor('dave').tamper = (to, packet) => [[to, packet]];
        mallory.tamper = () => [];
        const outcome = stage.actor('alice').request(stage.id('bob'), question, 20_000);
        const isOver = () => outcome.value !== undefined || outcome.error !== undefined;
        while (!isOver()) {
          for (const packet of kept) mallory.hand(read(packet).to, recorded(packet, [stage.id('mallory')]));
          stage.run(50, isOver);
        }
        expect(outcome.error).toBeUndefined();
        expect(Buffer.from(outcome.value ?? []).toString()).toBe(question);
      },
    );

    test.each(Object.keys(attacks))(
      'that always %s brings about an error, and never a wrong answer',
      async (attack) => {
        const stage = await HostileStage.of(strategy);
        stage.actor('mallory').tamper = (_, packet) => (attacks[attack] as Attack)(packet, stage);
        expect(stage.ask(question)).toMatch(/^(unreachable|timeout|disconnected): /);
        expect(stage.actor('bob').asked).toEqual([]);
      },
    );
  },
);

describe('a neighbour', () => {
  test('that makes up answers to a handshake has 200 of them checked in a second, and the call is answered', async () => {
    const stage = await HostileStage.of();
    const mallory = stage.actor('mallory');
    let made = 0;
    mallory.tamper = (to, packet) => {
      if (read(packet).kind !== 'response' || made > 0) return [[to, packet]];
      made = 1_000;
      const body = new Uint8Array(150).fill(9);
      return Array.from({ length: made }, () => [to, altered(packet, { body })] as const);
    };
    expect(stage.ask('one')).toBe('one');
    expect(made).toBe(1_000);
    const { refused } = stage.actor('alice');
    expect(refused['answers to handshakes from the busiest neighbour']).toBe(800);
    expect(refused['forged packets of sessions']).toBe(200);
  });

  test('that asks for a key in the name of others is answered 100 times in a second', async () => {
    const stage = await HostileStage.of();
    const answers = stage.watch('bob', 'packet/send');
    expect(stage.ask('one')).toBe('one');
    answers.splice(0);
    const mallory = stage.actor('mallory');
    let sample: PacketFrame | undefined;
    mallory.tamper = (to, packet) => {
      if (to === stage.id('bob')) sample = packet;
      return [[to, packet]];
    };
    expect(stage.ask('two')).toBe('two');
    for (let i = 0; i < 1_000; i += 1)
      mallory.hand(
        stage.id('bob'),
        altered(sample as PacketFrame, { kind: 'seek', from: stage.id('carol'), body: new Uint8Array(0) }),
      );
    stage.run(100);
    const offers = answers.filter(({ kind }) => kind === 'offer').length;
    expect(offers).toBeGreaterThanOrEqual(99);
    expect(offers).toBeLessThanOrEqual(110);
  });
});

describe('a member of the network', () => {
  test.each([0, 1, 3, 5, 6, 7, 100])(
    'that says of %i bytes that they are a session which it does not know harms nobody',
    async (length) => {
      const stage = await HostileStage.of();
      expect(stage.ask('one')).toBe('one');
      const payload = new Uint8Array(length).fill(7);
      const seal = { type: 'seal/send', purpose: 'session-unknown', payload, lifetimeMs: 60_000 } as const;
      for (const to of ['alice', 'bob'] as const) stage.actor('mallory').take({ ...seal, to: stage.id(to) });
      stage.run(2_000);
      expect(stage.ask('two')).toBe('two');
    },
  );
});
