import { describe, expect, test } from 'vitest';
import { networkKey, prove } from '../src/hello/proof.ts';
import { selfOf } from './support/core-config.ts';
import { greetingOf, HelloSide, shakeHands } from './support/hello-pair.ts';

const secret = networkKey('test', 'open sesame');
const wrong = networkKey('test', 'close sesame');
const nonce = (fill: number) => new Uint8Array(32).fill(fill);
const none = new Uint8Array(0);

describe('messages out of turn', () => {
  const listener = () => {
    const side = new HelloSide(selfOf('bob'), { key: secret });
    side.connect('alice', 'inbound', nonce(2));
    return side;
  };
  const dialer = (isOpen = true) => {
    const side = new HelloSide(selfOf('alice'), { key: secret });
    side.connect('bob', 'outbound', nonce(1));
    if (isOpen) side.step({ type: 'hello/opened', connection: 'c' });
    return side;
  };
  const greeting = greetingOf(selfOf('alice'), 'test');
  const fromBob = greetingOf(selfOf('bob'), 'test');
  const accept = { type: 'accept', proof: none } as const;
  const table: [string, () => HelloSide, (side: HelloSide) => void][] = [
    ['an accept before a greeting, to a listener', listener, (side) => side.receive(accept)],
    ['an accept before a greeting, to a dialer', dialer, (side) => side.receive(accept)],
    ['an accept before the dialer has greeted', () => dialer(false), (side) => side.receive(accept)],
    ['a greeting before the dialer has greeted', () => dialer(false), (side) => side.receive(fromBob)],
  ];
  test.each(table)('end the handshake: %s', (_, make, play) => {
    const side = make();
    play(side);
    expect(side.admitted).toEqual([]);
    expect(side.verdict).toContain('invalid: ');
    expect(side.verdict).toContain('out of turn');
  });

  test('end the handshake: a second greeting', () => {
    const side = listener();
    side.receive(greeting);
    side.receive(greeting);
    expect(side.verdict).toContain('greeting out of turn');
  });

  test('change nothing once it is over', () => {
    const [alice, bob] = shakeHands({}, {});
    for (const side of [alice, bob]) {
      side.other = undefined;
      side.receive(accept);
      side.receive({ type: 'refusal', code: 'refused', reason: 'late' });
      side.step({ type: 'hello/failed', connection: 'c', message: 'late' });
      expect(side.refused).toEqual([]);
      expect(side.gate).toEqual([true]);
    }
  });
});

describe('a proof of the secret', () => {
  const subject = {
    prover: 'dialer',
    dialer: 'alice',
    listener: 'bob',
    dialerNonce: nonce(1),
    listenerNonce: nonce(2),
  } as const;

  /** Bob, in a closed network, is greeted by alice and then shown `proof`. */
  function shown(proof: Uint8Array): HelloSide {
    const bob = new HelloSide(selfOf('bob'), { key: secret });
    bob.connect('alice', 'inbound', nonce(2));
    bob.receive(greetingOf(selfOf('alice'), 'test', { nonce: nonce(1) }));
    bob.receive({ type: 'accept', proof });
    return bob;
  }

  test('is accepted when it is for this handshake', () => {
    expect(shown(prove(secret, subject)).verdict).toBe('admitted as alice');
  });

  test.each([
    ['of another secret', prove(wrong, subject)],
    ['of the other role: a proof that is shown back', prove(secret, { ...subject, prover: 'listener' })],
    ['for another dialer', prove(secret, { ...subject, dialer: 'eve' })],
    ['for another listener', prove(secret, { ...subject, listener: 'eve' })],
    ['for another nonce of the dialer', prove(secret, { ...subject, dialerNonce: nonce(9) })],
    [
      'for another nonce of the listener: one from an earlier handshake',
      prove(secret, { ...subject, listenerNonce: nonce(9) }),
    ],
    ['cut short', prove(secret, subject).subarray(0, 31)],
    ['that is empty', none],
  ])('is refused when it is %s', (_, proof) => {
    expect(shown(proof).verdict).toContain('forbidden: ');
  });

  test('depends on the name of the network too', () => {
    expect(networkKey('one', 'secret')).not.toEqual(networkKey('two', 'secret'));
    expect(networkKey('one', 'secret')).toEqual(networkKey('one', 'secret'));
  });
});
