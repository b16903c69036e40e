import type { DaemonConfig, DaemonInfo } from '@peerd/daemon';
import { describe, expect, test } from 'vitest';
import { banner, type Others } from '../src/banner.ts';

const address = '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWx';
const info: DaemonInfo = {
  id: '12D3KooWx',
  name: 'alice',
  network: 'home',
  version: '1.0.0',
  addresses: [address],
  socket: '/run/peerd/alice.sock',
  data: '/data/alice',
  pid: 1,
};
const alone: Others = { running: [], neighbour: undefined };

/** The commands that it says to type, without what starts them. */
function commands(given: { others?: Others; config?: Partial<DaemonConfig>; name?: string } = {}): string[] {
  const { others = alone, config = {}, name = 'alice' } = given;
  const whole: DaemonConfig = {
    name,
    data: info.data,
    socket: info.socket,
    values: {},
    file: undefined,
    warnings: [],
    sourceOf: () => 'default',
    reload: () => Promise.reject(new Error('not here')),
    ...config,
  };
  const text = banner({ info: { ...info, name }, options: {}, config: whole, others });
  return text.split('\n').flatMap((line) => /^ {2}\S*peerd (.*)$/.exec(line)?.[1] ?? []);
}

const withPeers = [
  'reply --echo --name alice',
  'request alice hello --name bob',
  'subscribe news --name alice',
  "broadcast news 'it is out' --name bob",
];
const withOthersElsewhere = [
  'peers --name alice',
  'reply --echo --name alice',
  'subscribe news --name alice',
  'request alice hello',
  "broadcast news 'it is out'",
];

describe('what a daemon says to type next', () => {
  test('starts another one where there is none, by a name that nobody has', () => {
    expect(commands()).toEqual([`start --name bob --network home --peer ${address}`, ...withPeers]);
    const named = (running: string[]) => commands({ others: { ...alone, running }, name: 'bob' })[0];
    expect(named([])).toContain('start --name alice ');
    expect(named(['alice', 'dave'])).toContain('start --name carol ');
    const all = ['alice', 'carol', 'dave', 'erin', 'frank', 'peer2'];
    expect(named(all)).toContain('start --name peer3 ');
  });

  test('has the other one route as this one does', () => {
    const config = { values: { routing: { strategy: 'source' as const } } };
    expect(commands({ config })[0]).toContain('start --name bob --routing-strategy source --network home ');
  });

  test('uses the daemon of this machine that it is connected to, and starts none', () => {
    const others = { running: ['bob', 'eve'], neighbour: 'bob' };
    expect(commands({ others })).toEqual(withPeers);
    expect(commands({ others, config: { values: { peers: [address], network_secret: 'x' } } })).toEqual(
      withPeers,
    );
  });

  test('leaves the other side to its peers, where it has some and none of them is here', () => {
    const config = { values: { peers: ['/ip4/192.0.2.1/tcp/1'] } };
    expect(commands({ config, others: { running: ['bob'], neighbour: undefined } })).toEqual(
      withOthersElsewhere,
    );
  });

  test('proposes no newcomer where only those on a list are let in, neither here nor elsewhere', () => {
    expect(commands({ config: { values: { allow: ['12D3KooWy'] } } })).toEqual(withOthersElsewhere);
    const values = { allow: ['12D3KooWy'], profile: 'lan', network_secret: 'x' } as const;
    expect(commands({ config: { values: { ...values, allow: [...values.allow] } } })).toEqual(
      withOthersElsewhere,
    );
  });

  test.each([
    ['config.toml', 'secret', {}, false],
    ['config.toml', 'data', {}, false],
    ['config.toml', 'listen', { listen: ['/ip4/127.0.0.1/tcp/4001'] }, false],
    ['config.toml', 'listen', { listen: ['/ip4/127.0.0.1/tcp/0'] }, true],
    ['config.toml', 'network', {}, true],
    ['alice.toml', 'data', {}, true],
  ])('with %s that has %s %j: whether one of another name could start: %s', (file, key, values, could) => {
    const path = `/etc/${file}`;
    const sourceOf = ([first]: readonly string[]) => (first === key ? `${path}:1` : 'default');
    const proposed = commands({ config: { file: path, values, sourceOf } });
    expect(proposed.some((line) => line.startsWith('start '))).toBe(could);
  });
});
