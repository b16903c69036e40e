import { sign } from 'node:crypto';
import type { Policy } from './hello/policy.ts';
import { isSigned } from './hello/proof.ts';
import { publicKeyOf } from './host/address.ts';
import { encryptionKeyOf, signingKeyOf } from './identity.ts';
import { KEY_BYTES } from './noise.ts';
import type { SealingSelf } from './sealing/state.ts';

/** A node that seals messages with its identity, and opens those for it. */
export function sealingSelf(
  { network, key }: Policy,
  id: string,
  secret: Uint8Array,
  firstSequence: number,
): SealingSelf {
  const signingKey = signingKeyOf(secret);
  return {
    id,
    network,
    psk: key ?? new Uint8Array(KEY_BYTES),
    keys: encryptionKeyOf(secret),
    firstSequence,
    sign: (statement) => sign(null, statement, signingKey),
    isSigned: (peer, statement, signature) => {
      const publicKey = publicKeyOf(peer);
      return publicKey !== undefined && isSigned(publicKey, statement, signature);
    },
  };
}
