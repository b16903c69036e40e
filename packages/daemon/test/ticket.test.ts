import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret, peerIdOf } from '@peerd/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { addressesFor, addressOf, decodeTicket, encodeTicket } from '../src/ticket.ts';

const id = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV';
const ticket = {
  id,
  addresses: ['/ip4/192.0.2.7/tcp/4001', '/ip6/2001:db8::7/tcp/4001'],
  network: 'zu Hause',
  secret: 'open sesame',
};
const address = (i: number) => `/ip4/192.0.2.7/tcp/${i}`;

describe('a ticket', () => {
  test.each([ticket, { ...ticket, secret: undefined }, { ...ticket, strategy: 'source' as const }])(
    'is one word that gives back what was put in',
    (made) => {
      const text = encodeTicket(made);
      expect(text).toMatch(/^peerd1[\w-]+$/);
      expect(decodeTicket(`  ${text}\n`)).toEqual(JSON.parse(JSON.stringify(made)));
    },
  );

  test('that lost, gained or changed a character anywhere is refused', () => {
    const text = encodeTicket(ticket);
    for (let i = 6; i < text.length; i += 1) {
      const other = text[i] === 'A' ? 'B' : 'A';
      for (const slip of [
        text.slice(0, i),
        text.slice(0, i) + text.slice(i + 1),
        text.slice(0, i) + other + text.slice(i + 1),
        text.slice(0, i) + other + text.slice(i),
      ])
        expect(() => decodeTicket(slip), slip).toThrow(/not whole/);
    }
  });

  test.each([
    ['', 'no ticket'],
    ['hello', 'no ticket'],
    ['x'.repeat(1_000_000), 'no ticket'],
    [`peerd1${'A'.repeat(100_000)}`, 'no ticket'],
    ['peerd1', 'not whole'],
    ['peerd1!!!!', 'not whole'],
    ['peerd2AAAA', 'made by a newer peerd'],
  ])('%j is none', (text, reason) => {
    expect(() => decodeTicket(text)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining(reason) }),
    );
  });

  test.each([
    ['17 addresses', { addresses: Array.from({ length: 17 }, (_, i) => address(i)) }],
    ['no address', { addresses: [] }],
    ['a long secret', { secret: 'x'.repeat(1_025) }],
  ])('does not take %s', (_, fields) => {
    expect(() => encodeTicket({ ...ticket, ...fields })).toThrow('does not fit into a ticket');
  });
});

describe('the addresses in a ticket', () => {
  test('are those that others can use, without the peer', () => {
    const all = [
      '/ip4/127.0.0.1/tcp/1',
      '/ip4/192.168.1.2/tcp/1',
      '/ip6/::1/tcp/1',
      '/ip6/fe80::1/tcp/1',
      '/ip6/2001:db8::1/tcp/1',
    ];
    expect(
      addressesFor(
        id,
        all.map((each) => `${each}/p2p/${id}`),
      ),
    ).toEqual({
      addresses: ['/ip4/192.168.1.2/tcp/1', '/ip6/2001:db8::1/tcp/1'],
      isLoopbackOnly: false,
    });
  });

  test('are those of this machine when there are no others', () => {
    expect(addressesFor(id, [`/ip4/127.0.0.1/tcp/1/p2p/${id}`])).toEqual({
      addresses: ['/ip4/127.0.0.1/tcp/1'],
      isLoopbackOnly: true,
    });
  });

  test('that somebody gives have to be addresses, and of this peer', async () => {
    expect(addressOf(id, `/dns4/example.org/tcp/1/p2p/${id}`)).toBe('/dns4/example.org/tcp/1');
    expect(() => addressOf(id, 'example.org')).toThrow('is not a multiaddr');
    const other = await peerIdOf(await generateSecret());
    expect(() => addressOf(id, `/ip4/192.0.2.7/tcp/1/p2p/${other}`)).toThrow('an address of another peer');
  });
});

describe('a ticket in the configuration', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peerd-ticket-'));
    env = { HOME: folder };
  });
  afterEach(() => rm(folder, { recursive: true }));
  const peers = ticket.addresses.map((each) => `${each}/p2p/${id}`);
  const text = encodeTicket(ticket);

  test('sets the peers, the network and its secret, over the file and variables and under flags', async () => {
    const file = join(folder, 'peerd.toml');
    await writeFile(file, 'peers = ["/ip4/192.0.2.8/tcp/1"]\nprofile = "lan"\n');
    const given = { file, env: { ...env, PEERD_NETWORK_SECRET: 'variable' }, ticket: text };
    const config = await loadConfig(given);
    expect(config.values).toEqual({
      peers,
      network: 'zu Hause',
      network_secret: 'open sesame',
      profile: 'lan',
    });
    expect(config.sourceOf(['peers'])).toBe('--ticket');
    const flagged = await loadConfig({ ...given, flags: { peers: ['/ip4/192.0.2.9/tcp/1'] } });
    expect(flagged.values).toMatchObject({ network: 'zu Hause', peers: ['/ip4/192.0.2.9/tcp/1'] });
    expect((await config.reload()).values).toEqual(config.values);
  });

  test('of another network than what else names one is a mistake that says both', async () => {
    const file = join(folder, 'peerd.toml');
    await writeFile(file, 'profile = "lan"\nnetwork = "file"\n');
    const given = { file, env: { ...env, PEERD_NETWORK: 'variable' }, ticket: text };
    const loading = loadConfig({ ...given, flags: { network: 'flag' } });
    const error = (await loading.catch((reason: unknown) => reason)) as Error;
    const isNot = 'is not the network of --ticket, which is "zu Hause": leave one of the two out';
    expect(error).toMatchObject({ code: 'invalid' });
    expect(error.message.split('\n')).toEqual([
      `${file}:2: network: "file" ${isNot}`,
      `PEERD_NETWORK: network: "variable" ${isNot}`,
      `--network: network: "flag" ${isNot}`,
    ]);
    const same = await loadConfig({ env, ticket: text, flags: { network: 'zu Hause' } });
    expect(same.values.network).toBe('zu Hause');
  });

  test('of a network that routes by source sets that, and whatever says otherwise is a mistake', async () => {
    const bySource = encodeTicket({ ...ticket, strategy: 'source' });
    const { values } = await loadConfig({ env, ticket: bySource, flags: { routing: { forward: 'all' } } });
    expect(values.routing).toEqual({ strategy: 'source', forward: 'all' });
    const loading = loadConfig({ env: { ...env, PEERD_ROUTING_STRATEGY: 'table' }, ticket: bySource });
    await expect(loading).rejects.toThrow(
      'PEERD_ROUTING_STRATEGY: routing.strategy: "table" is not the routing strategy of --ticket, which is "source": leave one of the two out',
    );
  });

  test('may be in PEERD_TICKET', async () => {
    const config = await loadConfig({ env: { ...env, PEERD_TICKET: text } });
    expect(config.values).toMatchObject({ peers, network: 'zu Hause' });
    expect([config.sourceOf(['network']), config.warnings]).toEqual(['PEERD_TICKET', []]);
  });

  test('leaves a secret of the configuration when it has none', async () => {
    const open = encodeTicket({ ...ticket, secret: undefined });
    const { values } = await loadConfig({ env: { ...env, PEERD_NETWORK_SECRET: 'mine' }, ticket: open });
    expect(values.network_secret).toBe('mine');
  });

  test('that is none is a mistake like any other, told with its place and without its text', async () => {
    const loading = loadConfig({ env, ticket: 'peerd1swordfish', flags: { mdns: 1 } });
    const error = (await loading.catch((reason: unknown) => reason)) as Error;
    expect(error.message.split('\n')).toEqual([
      '--ticket: the ticket is not whole: copy all of its line',
      expect.stringContaining('--mdns: mdns: '),
    ]);
    expect(error.message).not.toContain('swordfish');
  });

  test('with addresses that are none is refused too', async () => {
    const odd = encodeTicket({ ...ticket, addresses: ['nonsense'] });
    await expect(loadConfig({ env, ticket: odd })).rejects.toThrow('--ticket: peers[0]: ');
  });
});
