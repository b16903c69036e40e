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
  if (!isName(text))
    throw new PeerdError('invalid', `${JSON.stringify(text)} is not a name, peer id or multiaddr`);
  return { kind: 'word', key: text };
}

/** Fails with `invalid` on a malformed multiaddr. */
export function parseAddress(text: string): { address: string; peer: string | undefined } {
  let parsed: Multiaddr;
  try {
    parsed = multiaddr(text);
  } catch (cause) {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
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
  return { address: parsed.toString(), peer };
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

/** The 32 raw bytes of the Ed25519 key that a peer id holds; `undefined` for other kinds. */
export function publicKeyOf(peer: string): Uint8Array | undefined {
  const id = peerIdFromString(peer);
  return id.type === 'Ed25519' ? id.publicKey.raw : undefined;
}
