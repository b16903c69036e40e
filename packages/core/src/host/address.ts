import { peerIdFromString } from '@libp2p/peer-id';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { PeerdError } from '@peerd/protocol';
import { isName } from '../hello/policy.ts';
import type { Target } from '../peers/target.ts';

/** What a caller means by a peer. Fails with `invalid` when it can't mean any. */
export function parseTarget(text: string): Target {
  if (text.startsWith('/')) {
    const { address, peer } = parseAddress(text);
    return { kind: 'address', key: address, address, ...(peer === undefined ? {} : { peer }) };
  }
  const peer = parsePeerId(text);
  if (peer !== undefined) return { kind: 'id', key: peer, peer };
  if (!isName(text)) {
    const meant = multiaddrOf(text);
    const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
    throw new PeerdError('invalid', `${JSON.stringify(text)} is not a name, peer id or multiaddr${hint}`);
  }
  return { kind: 'word', key: text };
}

/** Fails with `invalid` on a malformed multiaddr, and on one of a host without a port. */
export function parseAddress(text: string): { address: string; peer: string | undefined } {
  let parsed: Multiaddr;
  try {
    parsed = multiaddr(text);
  } catch (cause) {
    const meant = multiaddrOf(text);
    const why = meant === undefined ? `: ${(cause as Error).message}` : `: did you mean ${meant}?`;
    throw new PeerdError('invalid', `${JSON.stringify(text)} is not a multiaddr${why}`, { cause });
  }
  const named = parsed
    .getComponents()
    .filter((component) => component.name === 'p2p')
    .at(-1)?.value;
  // Any base58 passes for an id in a multiaddr.
  const peer = named === undefined ? undefined : parsePeerId(named);
  if (named !== undefined && peer === undefined)
    throw new PeerdError(
      'invalid',
      `${JSON.stringify(text)} is not a multiaddr: ${JSON.stringify(named)} is not a peer id`,
    );
  const dialled = parsed.getComponents().filter(({ name }) => name !== 'p2p');
  if (dialled.length > 0 && !dialled.some(({ name }) => transports.has(name)))
    throw new PeerdError(
      'invalid',
      `${JSON.stringify(text)} has no port: expected an address such as ${parsed.toString().split('/p2p/')[0]}/tcp/4001`,
    );
  return { address: parsed.toString(), peer };
}

/** Parts of a multiaddr that say where on a host something listens, or that this is found out when it is dialled. */
const transports: ReadonlySet<string> = new Set(['tcp', 'udp', 'unix', 'memory', 'dnsaddr', 'p2p-circuit']);

/** The multiaddr that somebody who wrote `host:port` meant. */
function multiaddrOf(text: string): string | undefined {
  const [, v6, host = '', port = ''] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) return undefined;
  const kind = v6 !== undefined ? 'ip6' : /^[\d.]+$/.test(host) ? 'ip4' : 'dns';
  const meant = `/${kind}/${v6 ?? host}/tcp/${Number(port)}`;
  try {
    return multiaddr(meant).toString();
  } catch {
    return undefined;
  }
}

/** The id in its usual form, or `undefined` when `text` is none. */
export function parsePeerId(text: string): string | undefined {
  // Shorter than any id: spares a name the attempt.
  if (text.length < 40) return undefined;
  try {
    return peerIdFromString(text).toString();
  } catch {
    return undefined;
  }
}
