import { PeerdError } from '@peerd/protocol';
import { describe, expect, test } from 'vitest';
import type { PeerConfig } from '../src/config.ts';
import { settingsOf } from '../src/settings.ts';

const id = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV';
const least: PeerConfig = { secret: new Uint8Array(32), name: 'alice' };

describe('the configuration', () => {
  test('needs a secret and a name; all else has a default', () => {
    const { log: _, ...settings } = settingsOf(least);
    expect(settings).toMatchObject({
      name: 'alice',
      network: 'peerd',
      isClosed: false,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      peers: [],
      topics: [],
      profile: 'local',
      isDiscoveryOn: true,
      mdns: false,
      routing: { strategy: 'table', randomFallback: true, forward: 'network' },
      bootstrapIntervalMs: 30_000,
      firstBootstrapMs: 5_000,
      limits: { maxPayloadBytes: 16 * 1024 * 1024 },
    });
  });

  test.each([
    ['local', '/ip4/127.0.0.1/tcp/0'],
    ['lan', '/ip4/0.0.0.0/tcp/0'],
    ['internet', '/ip4/0.0.0.0/tcp/0'],
  ] as const)('of profile %s listens on %s', (profile, listen) => {
    expect(settingsOf({ ...least, profile }).listen).toEqual([listen]);
  });

  test.each([
    ['a secret', { networkSecret: 'x' }, true],
    ['an allow list', { allow: [id] }, true],
    ['a deny list', { deny: [id] }, false],
    ['neither', {}, false],
  ])('with %s: closed to strangers is %s', (_, config, isClosed) => {
    expect(settingsOf({ ...least, ...config }).isClosed).toBe(isClosed);
  });

  test('takes a peer’s address with its id and without', () => {
    const { peers } = settingsOf({ ...least, peers: [`/ip4/1.2.3.4/tcp/1/p2p/${id}`, '/ip4/1.2.3.4/tcp/2'] });
    expect(peers).toEqual([
      {
        kind: 'address',
        key: `/ip4/1.2.3.4/tcp/1/p2p/${id}`,
        address: `/ip4/1.2.3.4/tcp/1/p2p/${id}`,
        peer: id,
      },
      { kind: 'address', key: '/ip4/1.2.3.4/tcp/2', address: '/ip4/1.2.3.4/tcp/2' },
    ]);
  });

  test('has routing by key: what is given, and the default of the others', () => {
    expect(settingsOf({ ...least, routing: { strategy: 'source', randomFallback: false } }).routing).toEqual({
      strategy: 'source',
      randomFallback: false,
      forward: 'network',
    });
  });

  const names = ['a', 'A-b_c.9', '_x', '9', 'x'.repeat(63)];
  test.each(names)('may have the name %s', (name) => {
    expect(settingsOf({ ...least, name }).name).toBe(name);
  });

  /** A key, a value that can't work, and what is said of it besides the key. */
  const bad: [string, Record<string, unknown>, string][] = [
    ['name', { name: '' }, 'is not 1 to 63'],
    ['name', { name: 'x'.repeat(64) }, 'is not 1 to 63'],
    ['name', { name: '-x' }, '"-x" is not 1 to 63'],
    ['name', { name: '.x' }, '".x" is not 1 to 63'],
    ['name', { name: 'a b' }, '"a b" is not 1 to 63'],
    ['name', { name: 'é' }, '"é" is not 1 to 63'],
    ['name', { name: 'a\n' }, 'is not 1 to 63'],
    ['network', { network: '' }, 'needs 1 to 63 characters'],
    ['network', { network: 'x'.repeat(64) }, 'needs 1 to 63 characters'],
    // It may come from a ticket, and is shown on terminals.
    ['network', { network: 'home\u001b[2J' }, 'no control characters'],
    ['network', { network: 'home\nCtrl-C stops it.' }, 'no control characters'],
    ['networkSecret', { networkSecret: '' }, 'is empty'],
    ['profile', { profile: 'moon' }, 'is one of local, lan, internet'],
    ['discovery', { discovery: 'sometimes' }, 'is on or off'],
    ['compat', { compat: 'tinyp3p' }, 'is tinyp2p'],
    ['mdns', { mdns: true, discovery: 'off' }, 'needs discovery = on'],
    ['routing.strategy', { routing: { strategy: 'flood' } }, 'is table or source'],
    ['routing.randomFallback', { routing: { randomFallback: 'no' } }, 'is true or false'],
    ['routing.forward', { routing: { forward: 'friends' } }, 'is one of network, all, nobody'],
    ['limits.maxPayloadBytes', { limits: { maxPayloadBytes: 0 } }, 'is a positive integer'],
    ['limits.maxOutboundCalls', { limits: { maxOutboundCalls: 1.5 } }, 'is a positive integer'],
    ['limits.maxBytesInFlight', { limits: { maxBytesInFlight: Number.NaN } }, 'is a positive integer'],
    [
      'bootstrapIntervalMs',
      { bootstrapIntervalMs: 99 },
      'is 99: expected a whole number of ms from 100 to 2147483647',
    ],
    ['bootstrapIntervalMs', { bootstrapIntervalMs: Number.NaN }, 'expected a whole number of ms'],
    ['bootstrapIntervalMs', { bootstrapIntervalMs: 100.5 }, 'expected a whole number of ms'],
    ['firstBootstrapMs', { firstBootstrapMs: -1 }, 'expected a whole number of ms from 0 to 2147483647'],
    ['firstBootstrapMs', { firstBootstrapMs: Number.POSITIVE_INFINITY }, 'expected a whole number of ms'],
    ['pingIntervalMs', { pingIntervalMs: 0 }, 'expected a whole number of ms from 100'],
    ['pingIntervalMs', { pingIntervalMs: 2 ** 31 }, 'expected a whole number of ms from 100'],
    ['pingTimeoutMs', { pingTimeoutMs: 0 }, 'expected a whole number of ms from 100'],
    ['pingTimeoutMs', { pingTimeoutMs: 1_000.5 }, 'expected a whole number of ms from 100'],
    ['allow', { allow: ['bob'] }, '"bob" is not a peer id'],
    ['deny', { deny: [id, `${id}x`] }, 'is not a peer id'],
    [
      'listen',
      { listen: ['127.0.0.1:80'] },
      '"127.0.0.1:80" is not a multiaddr: did you mean /ip4/127.0.0.1/tcp/80?',
    ],
    ['peers', { peers: ['[::1]:80'] }, 'did you mean /ip6/::1/tcp/80?'],
    ['peers', { peers: ['a.example:80'] }, 'did you mean /dns/a.example/tcp/80?'],
    ['peers', { peers: ['300.1.1.1:80'] }, 'must start with "/"'],
    ['peers', { peers: ['a.example:65536'] }, 'must start with "/"'],
    [
      'listen',
      { listen: ['/ip4/1.2.3.4'] },
      '"/ip4/1.2.3.4" has no port: expected an address such as /ip4/1.2.3.4/tcp/4001',
    ],
    ['peers', { peers: [`/ip4/1.2.3.4/p2p/${id}`] }, 'such as /ip4/1.2.3.4/tcp/4001'],
    ['listen', { listen: ['/ip4/300.0.0.1/tcp/1'] }, 'is not a multiaddr'],
    ['peers', { peers: ['bob'] }, '"bob" is not a multiaddr'],
    ['peers', { peers: ['/ip4/1.2.3.4/tcp/1/p2p/bob'] }, '"bob" is not a peer id'],
  ];
  test.each(bad)('is refused, naming the key: %s of %o', (key, config, message) => {
    let error: unknown;
    try {
      settingsOf({ ...least, ...config } as PeerConfig);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PeerdError);
    expect(error).toMatchObject({ code: 'invalid' });
    expect((error as PeerdError).message.startsWith(key)).toBe(true);
    expect((error as PeerdError).message).toContain(message);
  });
});
