import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Responder } from '../src/channel/responder.ts';
import { Entropy } from '../src/entropy.ts';
import type { PacketReceived } from '../src/forwarding/messages.ts';
import { isPeerId, peerOfKey } from '../src/peer-keys.ts';
import type { Advert } from '../src/routing/messages.ts';
import {
  decodeLetter,
  encodeLetter,
  type Letter,
  letterStatement,
  SealingCodecError,
} from '../src/sealing/codec.ts';
import type { Purpose, SealingOutput } from '../src/sealing/messages.ts';
import { seal } from '../src/sealing/noise.ts';
import { type SealingSelf, SealingState } from '../src/sealing/state.ts';
import type { TakenLimits } from '../src/sealing/taken.ts';
import { defaultLimits } from '../src/settings.ts';
import { FakeContext } from './support/context.ts';
import { sealingOf } from './support/core-config.ts';
import { idOf, nameOf } from './support/peer-ids.ts';

/** Where clocks stand when a test begins, in ms since 1970. */
const DATE_MS = 1_800_000_000_000;
const MINUTE = 60_000;
const purpose: Purpose = 'session-unknown';
const payload = Buffer.from('which session?');
/** One for all that is forged: to make a key of it takes longer than to use it. */
const ephemeral = new Uint8Array(32).fill(3);

/** A node that seals and opens, with a clock of its own, and the keys of all others. */
class Node {
  readonly context = new FakeContext<SealingOutput>();
  readonly self: SealingSelf;
  readonly state: SealingState;

  constructor(id: string, self: Partial<SealingSelf> = {}, sequence = 1, limits?: TakenLimits) {
    this.self = sealingOf(idOf(id), self);
    const seed = new Uint8Array(32).fill(id.charCodeAt(0));
    const ways = {
      advertOf: (peer: string) => (peer === idOf('nobody') ? undefined : advertOf(peer, sequence)),
    };
    this.state = new SealingState(this.context, this.self, ways, new Entropy(seed), limits);
    this.setDate(DATE_MS);
  }

  get dateMs(): number {
    return this.#date + this.context.nowMs;
  }

  setDate(dateMs: number): void {
    this.#date = dateMs - this.context.nowMs;
    this.state.handlers['loop/date']({ type: 'loop/date', offsetMs: this.#date });
  }

  pass(ms: number): void {
    this.context.nowMs += ms;
    if (this.state.nextTickMs <= this.context.nowMs) this.state.handlers.tick({ type: 'tick' });
  }

  /** The body of the packet. */
  send(to: string, lifetimeMs: number = MINUTE, what: Uint8Array = payload): Uint8Array {
    this.state.handlers['seal/send']({ type: 'seal/send', to: idOf(to), purpose, payload: what, lifetimeMs });
    const [packet] = this.context.takeOf('packet/send');
    expect(packet).toMatchObject({ to: idOf(to), kind: 'sealed' });
    return Buffer.concat(packet?.body ?? []);
  }

  /** What the node makes of a packet that says that `from` has sent it. */
  receive(from: string, body: Uint8Array, neighbour = 'relay'): string[] {
    const before = this.#counts();
    const packet: PacketReceived = {
      type: 'packet/received',
      from: idOf(from),
      neighbour,
      kind: 'sealed',
      body,
      path: undefined,
    };
    this.state.handlers['packet/received'](packet);
    const received = this.context
      .takeOf('seal/received')
      .map((message) => `${nameOf(message.from)}: ${Buffer.from(message.payload)}`);
    const refused = this.#counts().filter((count, i) => count !== before[i]);
    return [...received, ...refused].map((text) => text.replace(/ \d+$/, ''));
  }

  #date = DATE_MS;

  #counts(): string[] {
    const { counters, quotas } = this.state;
    return [
      ...counters.map(({ name, count }) => `${name} ${count}`),
      ...quotas.map(({ name, refused }) => `${name} ${refused}`),
    ];
  }
}

function advertOf(origin: string, sequence: number): Advert {
  const { publicKey: encryptionKey } = sealingOf(origin).keys;
  return { origin, sequence, name: origin, encryptionKey, signature: new Uint8Array(64) };
}

/** What somebody who has all of the code can seal for bob: a letter as it likes. */
function forge(
  letter: Partial<Letter>,
  { signer = 'alice', from = 'alice', network = 'test' } = {},
): Uint8Array {
  const bob = sealingOf(idOf('bob'));
  const unsigned = {
    sender: idOf('alice'),
    recipient: idOf('bob'),
    recipientSequence: 1,
    id: new Uint8Array(16).fill(7),
    expiresMs: DATE_MS + MINUTE,
    purpose,
    payload,
    ...letter,
  };
  const signature = letter.signature ?? sealingOf(idOf(signer)).sign(letterStatement(network, unsigned));
  const prologue = Buffer.from(`peerd sealed message 1\n"test"\n${idOf(from)}\n${idOf('bob')}\n`);
  return seal(
    { prologue, psk: bob.psk },
    bob.keys.publicKey,
    ephemeral,
    encodeLetter({ ...unsigned, signature }),
  );
}

const taken = [`alice: ${payload}`];
const unreadable = ['sealed messages that were altered, or are for another key or network'];
const forged = ['forged sealed messages'];
const replayed = ['sealed messages that came before'];
const expired = ['expired sealed messages'];

describe('a sealed message', () => {
  test('reaches the peer that it is for, with what it is for and who has sent it', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    expect(bob.receive('alice', alice.send('bob'))).toEqual(taken);
    const empty = alice.send('bob', MINUTE, new Uint8Array(0));
    expect(bob.receive('alice', empty)).toEqual(['alice: ']);
    const longest = alice.send('bob', MINUTE, new Uint8Array(32 * 1024).fill(65));
    expect(longest.length).toBeLessThan(33 * 1024);
    expect(bob.receive('alice', longest)).toEqual([`alice: ${'A'.repeat(32 * 1024)}`]);
  });

  test('does not show its payload, its purpose, or that it is the same as one before', () => {
    const alice = new Node('alice');
    const [one, two] = [alice.send('bob'), alice.send('bob')];
    for (const text of [payload, purpose, 'alice', 'bob'])
      expect(Buffer.from(one).includes(text)).toBe(false);
    expect(Buffer.compare(one.subarray(0, 32), two.subarray(0, 32))).not.toBe(0);
  });

  test('is refused with any byte changed or cut off', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    const body = alice.send('bob');
    for (let place = 0; place < body.length; place += 1) {
      bob.pass(100);
      const changed = Uint8Array.from(body);
      changed[place] = (changed[place] as number) ^ (1 << (place % 8));
      expect(bob.receive('alice', changed)).toEqual(unreadable);
      expect(bob.receive('alice', body.subarray(0, place), 'another')).toEqual(unreadable);
    }
    expect(bob.receive('alice', body)).toEqual(taken);
  });

  test('is refused under the name of another sender', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    expect(bob.receive('carol', alice.send('bob'))).toEqual(unreadable);
    expect(bob.receive('carol', forge({ sender: idOf('alice') }, { from: 'carol' }))).toEqual(forged);
    expect(
      bob.receive('carol', forge({ sender: idOf('carol') }, { from: 'carol', signer: 'alice' })),
    ).toEqual(forged);
  });

  test('is refused by who it is not for', () => {
    const [alice, carol] = [new Node('alice'), new Node('carol')];
    expect(carol.receive('alice', alice.send('bob'))).toEqual(unreadable);
  });

  test('is refused when its reader has sealed it anew for somebody else', () => {
    const bob = new Node('bob');
    // Carol has read what alice wrote to her, and hands it on.
    expect(bob.receive('alice', forge({ recipient: idOf('carol') }))).toEqual([
      'sealed messages for somebody else',
    ]);
  });

  test('is refused with anything in it that its sender has not signed', () => {
    const bob = new Node('bob');
    const signature = sealingOf(idOf('alice')).sign(
      letterStatement('test', decodeLetter(encodeLetter({ ...unsigned(), signature: new Uint8Array(64) }))),
    );
    const changes: Partial<Letter>[] = [
      { recipientSequence: 2 },
      { id: new Uint8Array(16).fill(8) },
      { expiresMs: DATE_MS + 2 * MINUTE },
      { purpose: 'something else' },
      { payload: Buffer.from('which sessions') },
    ];
    for (const change of changes)
      expect(bob.receive('alice', forge({ signature, ...change }))).toEqual(forged);
    expect(bob.receive('alice', forge({}, { signer: 'mallory' }))).toEqual(forged);
    expect(bob.receive('alice', forge({}, { network: 'another' }))).toEqual(forged);
    expect(bob.receive('alice', forge({ signature }))).toEqual(taken);
  });

  test('of another network is refused, by its name and by its secret', () => {
    const bob = new Node('bob');
    const otherName = new Node('alice', { network: 'another' });
    expect(bob.receive('alice', otherName.send('bob'))).toEqual(unreadable);
    const otherSecret = new Node('alice', { psk: new Uint8Array(32).fill(1) });
    expect(bob.receive('alice', otherSecret.send('bob'))).toEqual(unreadable);
  });

  test('that comes back to its sender is refused', () => {
    const alice = new Node('alice');
    const body = alice.send('bob');
    expect(alice.receive('alice', body)).toEqual(['sealed messages that came back to their sender']);
    expect(alice.receive('bob', body)).toEqual(unreadable);
  });

  test('is refused from a peer that may not be here, from when that is said', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    const [one, two] = [alice.send('bob'), alice.send('bob')];
    const change = {
      type: 'reconfigure',
      peers: [],
      bootstrapIntervalMs: 30_000,
      limits: defaultLimits,
      services: {},
      responder: new Responder<void>(),
      allow: [],
    } as const;
    bob.state.handlers.reconfigure({ ...change, deny: [idOf('alice')] });
    expect(bob.receive('alice', one)).toEqual(['sealed messages from peers that may not be here']);
    bob.state.handlers.reconfigure({ ...change, deny: [] });
    expect(bob.receive('alice', two)).toEqual(taken);
  });

  test('is taken once', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    const [one, two] = [alice.send('bob'), alice.send('bob')];
    expect(bob.receive('alice', one)).toEqual(taken);
    expect(bob.receive('alice', one)).toEqual(replayed);
    expect(bob.receive('alice', two)).toEqual(taken);
    bob.pass(30_000);
    expect(bob.receive('alice', one)).toEqual(replayed);
    expect(bob.receive('alice', two)).toEqual(replayed);
    bob.pass(30_000);
    expect(bob.receive('alice', one)).toEqual(expired);
    expect(bob.receive('alice', alice.send('bob', 2 * MINUTE))).toEqual(taken);
  });

  test('is taken once also when the clock is set, back or forth', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    const body = alice.send('bob');
    expect(bob.receive('alice', body)).toEqual(taken);
    bob.setDate(DATE_MS + 365 * 24 * 60 * MINUTE);
    bob.pass(1_000);
    expect(bob.receive('alice', body)).toEqual(expired);
    bob.setDate(DATE_MS);
    expect(bob.receive('alice', body)).toEqual(expired);
    bob.setDate(DATE_MS - MINUTE);
    expect(bob.receive('alice', body)).toEqual(expired);
    // What is dated later than all that was forgotten is taken.
    bob.setDate(DATE_MS + MINUTE);
    expect(bob.receive('alice', alice.send('bob', 5 * MINUTE))).toEqual(taken);
  });

  test('expires, and at the latest in ten minutes: a date further ahead is refused', () => {
    const bob = new Node('bob');
    expect(bob.receive('alice', forge({ expiresMs: DATE_MS }))).toEqual(expired);
    expect(bob.receive('alice', forge({ expiresMs: DATE_MS + 1 }))).toEqual(taken);
    const latest = DATE_MS + 10 * MINUTE;
    expect(bob.receive('alice', forge({ expiresMs: latest + 1 }))).toEqual([
      'sealed messages dated too far ahead',
    ]);
    expect(bob.receive('alice', forge({ expiresMs: latest }))).toEqual(taken);
  });

  test('lives five minutes at the most, whatever its sender asks for', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    const body = alice.send('bob', 60 * MINUTE);
    bob.pass(5 * MINUTE);
    expect(bob.receive('alice', body)).toEqual(expired);
  });

  test('is taken by a peer whose clock is some minutes off', () => {
    for (const offMs of [-4 * MINUTE, 4 * MINUTE]) {
      const [alice, bob] = [new Node('alice'), new Node('bob')];
      bob.setDate(DATE_MS + offMs);
      expect(bob.receive('alice', alice.send('bob', 5 * MINUTE))).toEqual(taken);
    }
  });

  test('is neither taken nor made before the date is known', () => {
    const ways = { advertOf: (peer: string) => advertOf(peer, 1) };
    const context = new FakeContext<SealingOutput>();
    const state = new SealingState(context, sealingOf(idOf('bob')), ways, new Entropy(new Uint8Array(32)));
    const body = new Node('alice').send('bob');
    state.handlers['packet/received']({
      type: 'packet/received',
      from: idOf('alice'),
      neighbour: 'relay',
      kind: 'sealed',
      body,
      path: undefined,
    });
    expect(state.counters.filter(({ count }) => count > 0)).toEqual([{ name: expired[0], count: 1 }]);
    state.handlers['seal/send']({ type: 'seal/send', to: 'alice', purpose, payload, lifetimeMs: MINUTE });
    expect(context.take()).toMatchObject([{ type: 'seal/unsent', to: 'alice', error: { code: 'internal' } }]);
  });

  test('for an earlier run of its recipient is refused, which has forgotten what it has taken', () => {
    const alice = new Node('alice', {}, 41);
    const body = alice.send('bob');
    expect(new Node('bob', { firstSequence: 41 }).receive('alice', body)).toEqual(taken);
    expect(new Node('bob', { firstSequence: 42 }).receive('alice', body)).toEqual([
      'sealed messages for an earlier run',
    ]);
  });

  test('of a purpose that is not known here is refused', () => {
    const bob = new Node('bob');
    const letter = forge({ purpose: 'to be invented' });
    expect(bob.receive('alice', letter)).toEqual(['sealed messages of an unknown purpose']);
    expect(bob.receive('alice', letter)).toEqual(replayed);
  });

  test('is not sent to who is not known, nor with more than fits, and its sender hears of it', () => {
    const alice = new Node('alice');
    const send = (to: string, bytes: number) => {
      const message = { type: 'seal/send' as const, to, purpose, lifetimeMs: MINUTE };
      alice.state.handlers['seal/send']({ ...message, payload: new Uint8Array(bytes) });
      return alice.context.take();
    };
    expect(send(idOf('nobody'), 1)).toMatchObject([
      { type: 'seal/unsent', to: idOf('nobody'), purpose, error: { code: 'unreachable' } },
    ]);
    expect(send('bob', 32 * 1024 + 1)).toMatchObject([{ type: 'seal/unsent', error: { code: 'too-large' } }]);
  });
});

describe('the bounds of sealed messages', () => {
  test('a neighbour has 200 opened at once, and 100 a second: others are not held up by it', () => {
    const [alice, bob] = [new Node('alice'), new Node('bob')];
    const rubbish = new Uint8Array(100).fill(9);
    const opened = () => {
      let count = 0;
      while (bob.receive('alice', rubbish)[0] === unreadable[0]) count += 1;
      return count;
    };
    expect(opened()).toBe(200);
    expect(bob.receive('alice', alice.send('bob'))).toEqual([
      'sealed messages opened for the busiest neighbour',
    ]);
    expect(bob.receive('alice', alice.send('bob'), 'another')).toEqual(taken);
    bob.pass(500);
    expect(opened()).toBe(50);
    expect(bob.context.takeOf('node/overload')).toMatchObject([
      { queue: 'sealed messages opened for the busiest neighbour', limit: 200, refused: 1 },
    ]);
  });

  test('a peer is sent ten at once, and five a second, whatever makes us send them', () => {
    const alice = new Node('alice');
    const send = (to: string) => {
      alice.state.handlers['seal/send']({ type: 'seal/send', to, purpose, payload, lifetimeMs: MINUTE });
      return alice.context.take().map(({ type }) => type);
    };
    const sent = (to: string) => {
      let count = 0;
      while (send(to)[0] === 'packet/send') count += 1;
      return count;
    };
    expect(sent('bob')).toBe(10);
    expect(sent('carol')).toBe(10);
    alice.pass(1_000);
    expect(sent('bob')).toBe(5);
    alice.state.handlers['seal/send']({ type: 'seal/send', to: 'bob', purpose, payload, lifetimeMs: MINUTE });
    expect(alice.context.take()).toMatchObject([{ type: 'seal/unsent', error: { code: 'busy' } }]);
  });

  test('of several to one peer each goes another way: the one before may have been lost', () => {
    const alice = new Node('alice');
    const attempt = (to: string) => {
      alice.state.handlers['seal/send']({ type: 'seal/send', to, purpose, payload, lifetimeMs: MINUTE });
      return alice.context.takeOf('packet/send')[0]?.attempt;
    };
    expect([attempt('bob'), attempt('bob'), attempt('bob'), attempt('carol')]).toEqual([0, 1, 2, 0]);
    alice.pass(10_000);
    expect(attempt('bob')).toBe(0);
  });

  test('200 are sent at once, and in a second, to all peers together', () => {
    const alice = new Node('alice');
    const sent = (prefix: string) => {
      let count = 0;
      for (let i = 0; i < 250; i += 1) {
        const to = `${prefix}${i}`;
        alice.state.handlers['seal/send']({ type: 'seal/send', to, purpose, payload, lifetimeMs: MINUTE });
        count += alice.context.takeOf('packet/send').length;
      }
      return count;
    };
    expect(sent('a')).toBe(200);
    alice.pass(500);
    expect(sent('b')).toBe(100);
    expect(alice.context.takeOf('seal/unsent')[0]).toMatchObject({ error: { code: 'busy' } });
  });

  test('so many are remembered, of one sender and of all: more are refused until the first expire', () => {
    const bob = new Node('bob', {}, 1, { maxTaken: 5, maxOfSender: 3 });
    const send = (sender: string, number: number, expiresMs: number = DATE_MS + 9 * MINUTE) => {
      const id = new Uint8Array(16).fill(number);
      return bob.receive(
        sender,
        forge({ sender: idOf(sender), id, expiresMs }, { from: sender, signer: sender }),
      );
    };
    const full = ['sealed messages remembered'];
    for (const number of [1, 2, 3]) expect(send('alice', number)).toEqual(taken);
    expect(send('alice', 4)).toEqual(full);
    expect(send('alice', 5, DATE_MS + 5 * MINUTE)).toEqual(full);
    expect(send('alice', 3)).toEqual(replayed);
    expect(send('carol', 4, DATE_MS + 3 * MINUTE)).toEqual([`carol: ${payload}`]);
    expect(send('carol', 5)).toEqual([`carol: ${payload}`]);
    expect(send('dave', 6)).toEqual(full);
    bob.pass(5 * MINUTE);
    expect(send('dave', 6)).toEqual([`dave: ${payload}`]);
    expect(bob.state.quotas[0]?.info).toMatchObject({ size: 5, limit: 5, refused: 3 });
  });
});

function unsigned(): Omit<Letter, 'signature'> {
  const id = new Uint8Array(16).fill(7);
  const expiresMs = DATE_MS + MINUTE;
  return {
    sender: idOf('alice'),
    recipient: idOf('bob'),
    recipientSequence: 1,
    id,
    expiresMs,
    purpose,
    payload,
  };
}

describe('a letter', () => {
  const peer = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(peerOfKey);
  const letters = fc.record({
    sender: peer,
    recipient: peer,
    recipientSequence: fc.maxSafeNat(),
    id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    expiresMs: fc.maxSafeNat(),
    purpose: fc.string({ maxLength: 60 }),
    payload: fc.uint8Array({ maxLength: 300 }),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  });

  test('says after the wire what it said before', () => {
    fc.assert(
      fc.property(letters, (letter) => {
        fc.pre(letter.purpose.isWellFormed());
        expect(decodeLetter(encodeLetter(letter))).toEqual(letter);
      }),
    );
  });

  test('is decoded or refused, whatever comes', () => {
    const decodes = (bytes: Uint8Array) => {
      try {
        const letter = decodeLetter(bytes);
        expect(letter.id.length).toBe(16);
        expect(isPeerId(letter.sender) && isPeerId(letter.recipient)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(SealingCodecError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), decodes));
    fc.assert(
      fc.property(letters, fc.nat(), fc.nat({ max: 255 }), (letter, place, value) => {
        const bytes = encodeLetter(letter);
        bytes[place % bytes.length] = value;
        decodes(bytes);
        decodes(bytes.subarray(0, place % bytes.length));
      }),
    );
  });

  test.each<[string, Partial<Letter>]>([
    ['an id of another length', { id: new Uint8Array(15) }],
    ['a signature of another length', { signature: new Uint8Array(63) }],
    ['no sender', { sender: '' }],
    ['a recipient with a line break in it', { recipient: `${idOf('bob')}\n` }],
    ['a sender that is no peer id', { sender: 'alice' }],
    ['a purpose longer than any', { purpose: 'a'.repeat(65) }],
  ])('with %s is refused', (_, change) => {
    const bytes = encodeLetter({ ...unsigned(), signature: new Uint8Array(64), ...change });
    expect(() => decodeLetter(bytes)).toThrow(SealingCodecError);
  });

  test('is signed over statements that differ when any part of two letters does', () => {
    fc.assert(
      fc.property(letters, letters, fc.constantFrom('test', 'te\nst'), (one, two, network) => {
        const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
        const { signature: _1, ...a } = one;
        const { signature: _2, ...b } = two;
        const statements = [letterStatement(network, a), letterStatement(network, b)].map((bytes) =>
          Buffer.from(bytes).toString('hex'),
        );
        expect(statements[0] === statements[1]).toBe(same(a, b));
      }),
    );
  });
});
