import { describe, expect, test } from 'vitest';
import type { Profile } from '../src/config.ts';
import { shareable } from '../src/discovery/addresses.ts';

describe('an address', () => {
  const table: [string, Profile[]][] = [
    ['/ip4/0.0.0.0/tcp/1', []],
    ['/ip6/::/tcp/1', []],
    ['/ip4/127.0.0.1/tcp/1', ['local']],
    ['/ip4/127.9.9.9/tcp/1', ['local']],
    ['/ip6/::1/tcp/1', ['local']],
    ['/dns4/localhost/tcp/1', ['local']],
    ['/ip4/10.1.2.3/tcp/1', ['local', 'lan']],
    ['/ip4/172.16.0.1/tcp/1', ['local', 'lan']],
    ['/ip4/172.31.255.1/tcp/1', ['local', 'lan']],
    ['/ip4/192.168.1.1/tcp/1', ['local', 'lan']],
    ['/ip4/169.254.1.1/tcp/1', ['local', 'lan']],
    ['/ip4/100.64.0.1/tcp/1', ['local', 'lan']],
    ['/ip4/100.127.0.1/tcp/1', ['local', 'lan']],
    ['/ip6/fe80::1/tcp/1', ['local', 'lan']],
    ['/ip6/febf::1/tcp/1', ['local', 'lan']],
    ['/ip6/fd00::1/tcp/1', ['local', 'lan']],
    ['/ip6/fc12:3::1/tcp/1', ['local', 'lan']],
    ['/ip4/172.15.0.1/tcp/1', ['local', 'lan', 'internet']],
    ['/ip4/172.32.0.1/tcp/1', ['local', 'lan', 'internet']],
    ['/ip4/100.63.0.1/tcp/1', ['local', 'lan', 'internet']],
    ['/ip4/100.128.0.1/tcp/1', ['local', 'lan', 'internet']],
    ['/ip4/11.0.0.1/tcp/1', ['local', 'lan', 'internet']],
    ['/ip4/1.2.3.4/tcp/1', ['local', 'lan', 'internet']],
    ['/ip6/2001:db8::1/tcp/1', ['local', 'lan', 'internet']],
    ['/dns4/example.org/tcp/1', ['local', 'lan', 'internet']],
  ];
  test.each(table)('%s may be told to others in the profiles %j', (each, profiles) => {
    const shared = (['local', 'lan', 'internet'] as const).filter(
      (profile) => shareable([each], profile).length === 1,
    );
    expect(shared).toEqual(profiles);
  });
});
