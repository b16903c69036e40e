import { describe, expect, test } from 'vitest';
import type { Policy } from '../src/hello/policy.ts';
import { networkKey } from '../src/hello/proof.ts';
import { HELLO_TIMEOUT_MS } from '../src/hello/state.ts';
import { selfOf } from './support/core-config.ts';
import { greetingOf, HelloSide, type SideConfig, shakeHands } from './support/hello-pair.ts';

const secret = networkKey('test', 'open sesame');
const wrong = networkKey('test', 'close sesame');
const only = (...ids: string[]) => new Set(ids);
const nonce = (fill: number) => new Uint8Array(32).fill(fill);
const none = new Uint8Array(0);

describe('two peers that say hello', () => {
  type Row = { name: string; alice: SideConfig; bob: SideConfig; code: string; reason: string };
  const admitted: Omit<Row, 'code' | 'reason'>[] = [
    { name: 'one open network', alice: {}, bob: {} },
    { name: 'one secret', alice: { key: secret }, bob: { key: secret } },
    {
      name: 'each on the other’s allow list',
      alice: { allow: only('bob') },
      bob: { allow: only('alice', 'x') },
    },
    {
      name: 'one strategy',
      alice: { routing: { strategy: 'source' } },
      bob: { routing: { strategy: 'source' } },
    },
    { name: 'others on the deny list', alice: { deny: only('eve') }, bob: { deny: only('eve') } },
  ];
  test.each(admitted)('are let in by each other, with their names: $name', ({ alice, bob }) => {
    for (const [side, peer] of shakeHands(alice, bob).map(
      (side, i) => [side, i === 0 ? 'bob' : 'alice'] as const,
    )) {
      expect(side.admitted).toEqual([{ peer, kind: 'peerd', name: peer, roles: ['peer', 'forwarder'] }]);
      expect(side.refused).toEqual([]);
      expect(side.gate).toEqual([true]);
      expect(side.isClosed).toBe(false);
      expect(side.state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
    }
  });

  const refused: Row[] = [
    {
      name: 'networks differ',
      alice: {},
      bob: { network: 'other' },
      code: 'forbidden',
      reason: 'the refusing side is in network other, the other in "test"',
    },
    {
      name: 'the secrets differ',
      alice: { key: secret },
      bob: { key: wrong },
      code: 'forbidden',
      reason: 'the network secrets differ',
    },
    {
      name: 'only the listener has a secret',
      alice: {},
      bob: { key: secret },
      code: 'forbidden',
      reason: 'the refusing side has no network secret, the other has one',
    },
    {
      name: 'only the dialer has a secret',
      alice: { key: secret },
      bob: {},
      code: 'forbidden',
      reason: 'the refusing side has a network secret, the other has none',
    },
    {
      name: 'the dialer is denied',
      alice: {},
      bob: { deny: only('alice') },
      code: 'forbidden',
      reason: 'alice is on the deny list',
    },
    {
      name: 'the listener is denied',
      alice: { deny: only('bob') },
      bob: {},
      code: 'forbidden',
      reason: 'bob is on the deny list',
    },
    {
      name: 'the dialer is not allowed',
      alice: {},
      bob: { allow: only('eve') },
      code: 'forbidden',
      reason: 'alice is not on the allow list',
    },
    {
      name: 'the listener is not allowed',
      alice: { allow: only('eve') },
      bob: {},
      code: 'forbidden',
      reason: 'bob is not on the allow list',
    },
    {
      name: 'denied although allowed',
      alice: {},
      bob: { allow: only('alice'), deny: only('alice') },
      code: 'forbidden',
      reason: 'alice is on the deny list',
    },
    {
      name: 'a secret does not outweigh a list',
      alice: { key: secret },
      bob: { key: secret, deny: only('alice') },
      code: 'forbidden',
      reason: 'deny list',
    },
    {
      name: 'the listener routes otherwise',
      alice: {},
      bob: { routing: { strategy: 'source' } },
      code: 'incompatible',
      reason:
        'the refusing side routes by source, the other by table: set routing.strategy to the same in both configurations',
    },
    {
      name: 'the dialer routes otherwise',
      alice: { routing: { strategy: 'source' } },
      bob: {},
      code: 'incompatible',
      reason: 'the refusing side routes by table, the other by source',
    },
  ];
  test.each(refused)('part, and both read the reason: $name', ({ alice, bob, code, reason }) => {
    for (const side of shakeHands(alice, bob)) {
      expect(side.admitted).toEqual([]);
      expect(side.gate).toEqual([false]);
      expect(side.isClosed).toBe(true);
      expect(side.verdict).toContain(`${code}: `);
      expect(side.verdict).toContain(reason);
    }
  });

  test('say which of them refused', () => {
    const [alice, bob] = shakeHands({}, { deny: only('alice') });
    expect(bob.verdict).toContain('refused alice: ');
    expect(alice.verdict).toContain('bob refused this node: ');
  });
});

test('a node that forwards for nobody does not say that it forwards', () => {
  const [alice, bob] = shakeHands({}, { routing: { forward: 'nobody' } });
  expect(alice.admitted[0]?.roles).toEqual(['peer']);
  expect(bob.admitted[0]?.roles).toEqual(['peer', 'forwarder']);
});

describe('a greeting', () => {
  const eve = selfOf('eve');
  const bytes = (length: number) => new Uint8Array(length);
  const flaws: [string, Parameters<typeof greetingOf>[2], string][] = [
    [
      'of another version',
      { versions: [3, 4] },
      'incompatible: refused eve: the refusing side speaks hello in version 2, the other in 3, 4: the older peerd',
    ],
    [
      'of the first version, which had no routing',
      { versions: [1], roles: [], routing: '' },
      'incompatible: refused eve: the refusing side speaks hello in version 2, the other in 1: the older peerd of the two needs an update',
    ],
    [
      'without a version',
      { versions: [] },
      'incompatible: refused eve: the refusing side speaks hello in version 2, the other in none',
    ],
    ['with too many roles', { roles: new Array(9).fill('x') }, 'invalid: refused eve: more than 8 roles'],
    ['with a long role', { roles: ['x'.repeat(33)] }, 'invalid: refused eve: a role with a long name'],
    [
      'with a strategy that is none',
      { routing: 'flood\n' },
      'invalid: refused eve: "flood\\n" is not a routing strategy: those are table and source',
    ],
    ['with a name that is none', { name: '-rf' }, 'invalid: refused eve: "-rf" is not a name'],
    [
      'with control characters in its name',
      { name: 'a\u001b[31m' },
      'invalid: refused eve: "a\\u001b[31m" is not a name',
    ],
    ['with a name that is too long', { name: 'x'.repeat(64) }, 'invalid: '],
    ['with a short nonce', { nonce: bytes(31) }, 'invalid: refused eve: a nonce of 31 bytes'],
    [
      'with too many features',
      { features: new Array(65).fill('x') },
      'invalid: refused eve: more than 64 features',
    ],
    [
      'with a long feature',
      { features: ['x'.repeat(33)] },
      'invalid: refused eve: a feature with a long name',
    ],
    [
      'with a short encryption key',
      { encryptionKey: bytes(31) },
      'invalid: refused eve: an encryption key of 31 bytes',
    ],
    [
      'with an encryption key that somebody else signed',
      { encryptionKeySignature: selfOf('mallory').encryptionKeySignature },
      'invalid: refused eve: an encryption key that its identity did not sign',
    ],
    [
      'with another encryption key than was signed',
      { encryptionKey: bytes(32) },
      'invalid: refused eve: an encryption key that its identity did not sign',
    ],
    ['without a signature', { encryptionKeySignature: none }, 'invalid: '],
  ];
  test.each(flaws)('%s is refused, and its sender is told', (_, fields, verdict) => {
    const bob = new HelloSide(selfOf('bob'), {});
    bob.connect('eve', 'inbound', nonce(2));
    bob.receive(greetingOf(eve, 'test', fields));
    expect(bob.verdict).toContain(verdict);
    expect(bob.sent).toMatchObject([{ type: 'refusal' }]);
  });

  test('with roles that we do not know is let in, and they are passed on', () => {
    const bob = new HelloSide(selfOf('bob'), {});
    bob.connect('eve', 'inbound', nonce(2));
    const roles = ['peer', 'relay', 'r'.repeat(32), '4', '5', '6', '7', '8'];
    bob.receive(greetingOf(eve, 'test', { roles }));
    bob.receive({ type: 'accept', proof: none });
    expect(bob.admitted).toMatchObject([{ peer: 'eve', roles }]);
  });

  test('that speaks a later version beside ours is let in', () => {
    const bob = new HelloSide(selfOf('bob'), {});
    bob.connect('eve', 'inbound', nonce(2));
    bob.receive(greetingOf(eve, 'test', { versions: [2, 3] }));
    bob.receive({ type: 'accept', proof: none });
    expect(bob.verdict).toBe('admitted as eve');
  });

  test('of an identity that is not Ed25519 is refused', () => {
    const bob = new HelloSide(selfOf('bob'), {});
    bob.connect('stranger', 'inbound', nonce(2));
    bob.receive(greetingOf(eve, 'test'));
    expect(bob.verdict).toContain('an identity that is not Ed25519');
  });

  test('is not answered with the name of a network longer than a line', () => {
    const bob = new HelloSide(selfOf('bob'), {});
    bob.connect('eve', 'inbound', nonce(2));
    bob.receive(greetingOf(eve, 'n'.repeat(5_000)));
    expect(bob.verdict.length).toBeLessThan(200);
  });
});

describe('a peer that says no hello', () => {
  type Silent = [string, 'inbound' | 'outbound', (side: HelloSide) => void];
  const silent: Silent[] = [
    [
      'that we dialled and that does not know it',
      'outbound',
      (side) => side.step({ type: 'hello/unsupported', connection: 'c' }),
    ],
    [
      'that dialled us and names other protocols',
      'inbound',
      (side) =>
        side.step({
          type: 'peer/identified',
          peer: 'old',
          connection: 'c',
          addresses: [],
          protocols: ['/ipfs/id/1.0.0'],
        }),
    ],
    ['that we dialled and that keeps silent for 5 s', 'outbound', (side) => side.tick(HELLO_TIMEOUT_MS)],
    ['that dialled us and keeps silent for 5 s', 'inbound', (side) => side.tick(HELLO_TIMEOUT_MS)],
  ];
  const met = (policy: Partial<Policy>, direction: 'inbound' | 'outbound') => {
    const side = new HelloSide(selfOf('bob'), policy);
    side.connect('old', direction, nonce(2));
    return side;
  };

  test.each(silent)('%s may stay in an open network, as another implementation', (_, direction, play) => {
    const side = met({}, direction);
    play(side);
    expect(side.admitted).toEqual([{ peer: 'old', kind: 'other', name: undefined, roles: [] }]);
    expect(side.gate).toEqual([true]);
  });

  test.each(silent)('%s is disconnected from a closed network', (_, direction, play) => {
    for (const policy of [{ key: secret }, { allow: only('old') }]) {
      const side = met(policy, direction);
      play(side);
      expect(side.verdict).toContain('forbidden: ');
      expect(side.gate).toEqual([false]);
      expect(side.isClosed).toBe(true);
    }
  });

  test.each(silent)('%s is disconnected when it is on the deny list', (_, direction, play) => {
    const side = met({ deny: only('old') }, direction);
    play(side);
    expect(side.verdict).toContain('on the deny list');
    expect(side.isClosed).toBe(true);
  });

  test('is kept out and not decided on before its 5 s are over', () => {
    const side = met({}, 'inbound');
    side.tick(HELLO_TIMEOUT_MS - 20);
    expect([side.verdict, side.gate]).toEqual(['nothing yet', []]);
    expect(side.state.nextTickMs).toBe(HELLO_TIMEOUT_MS);
  });

  test('that stops halfway is disconnected after 5 s, and told why', () => {
    const bob = new HelloSide(selfOf('bob'), {});
    bob.connect('alice', 'inbound', nonce(2));
    bob.receive(greetingOf(selfOf('alice'), 'test'));
    bob.tick(HELLO_TIMEOUT_MS);
    expect(bob.verdict).toBe('timeout: refused alice: no hello within 5000 ms');
    expect(bob.sent.at(-1)).toMatchObject({ type: 'refusal', code: 'timeout' });
  });

  test('whose identify lists hello still has to say it', () => {
    const side = met({ key: secret }, 'inbound');
    side.step({
      type: 'peer/identified',
      peer: 'old',
      connection: 'c',
      addresses: [],
      protocols: ['/peerd/hello/1'],
    });
    expect(side.verdict).toBe('nothing yet');
  });
});

test('a connection that closes during the handshake leaves nothing behind, and its gate stays shut', () => {
  const bob = new HelloSide(selfOf('bob'), {});
  bob.connect('alice', 'inbound', nonce(2));
  bob.step({ type: 'connection/closed', connection: 'c', peer: 'alice' });
  expect(bob.gate).toEqual([false]);
  expect(bob.state.snapshot()).toEqual([]);
  expect(bob.state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
});

describe('lists that change while the node runs', () => {
  test.each([
    ['a peer that is now denied', { deny: ['bob'] }, 'bob is on the deny list'],
    ['a peer that is not on the new allow list', { allow: ['eve'] }, 'bob is not on the allow list'],
  ])('put out %s', (_, lists, reason) => {
    const [alice] = shakeHands({}, {});
    alice.reconfigure(lists);
    expect(alice.isClosed).toBe(true);
    expect(alice.refused.map(({ message }) => message)).toEqual([`refused bob: ${reason}`]);
  });

  test.each([
    ['on neither list', {}, false],
    ['on the new allow list', { allow: ['bob'] }, true],
    ['not on the new deny list', { deny: ['eve'] }, false],
  ])('leave a peer that is %s', (_, lists, keepsOut) => {
    const [alice] = shakeHands({ deny: only('eve') }, {});
    alice.reconfigure(lists);
    expect(alice).toMatchObject({ isClosed: false, refused: [], keepsOut });
  });

  test('put out who came in without a hello once there is an allow list, and say why', () => {
    const alice = new HelloSide(selfOf('alice'), {});
    alice.connect('bob', 'inbound', nonce(1));
    alice.step({ type: 'peer/identified', peer: 'bob', connection: 'c', addresses: [], protocols: [] });
    expect(alice.verdict).toBe('admitted as other');
    alice.reconfigure({ allow: ['bob'] });
    expect(alice.isClosed).toBe(true);
    expect(alice.refused[0]?.message).toContain('closed to peers that do not say hello');
  });

  test('end a handshake that is under way, with a refusal that the other side can read', () => {
    const alice = new HelloSide(selfOf('alice'), {});
    alice.connect('bob', 'outbound', nonce(1));
    alice.step({ type: 'hello/opened', connection: 'c' });
    alice.reconfigure({ deny: ['bob'] });
    expect(alice.sent.at(-1)).toMatchObject({ type: 'refusal', code: 'forbidden' });
    expect(alice.gate).toEqual([false]);
  });

  test('count for who comes next', () => {
    const alice = new HelloSide(selfOf('alice'), { deny: only('bob') });
    alice.reconfigure({});
    alice.connect('bob', 'outbound', nonce(1));
    alice.step({ type: 'hello/opened', connection: 'c' });
    expect(alice.sent.map(({ type }) => type)).toEqual(['greeting']);
  });
});
