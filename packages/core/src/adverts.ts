import { sign } from 'node:crypto';
import { isName } from './hello/policy.ts';
import { isSigned } from './hello/proof.ts';
import { signingKeyOf } from './identity.ts';
import { KEY_BYTES } from './noise.ts';
import { keyOfPeer } from './peer-keys.ts';
import { advertStatement } from './routing/advert.ts';
import type { RoutingSelf } from './routing/state.ts';

/** A node that signs its adverts with its identity. */
export function routingSelf(
  { name, policy: { network } }: { name: string; policy: { network: string } },
  id: string,
  secret: Uint8Array,
  encryptionKey: Uint8Array,
): RoutingSelf {
  const key = signingKeyOf(secret);
  return {
    id,
    // Above all of an earlier run, if the clock has not gone back: then the network says so, and we go on from there.
    firstSequence: Date.now(),
    advertise: (sequence, links) => {
      const own = { origin: id, sequence, name, encryptionKey };
      const statement = links === undefined ? own : { ...own, links };
      return { ...statement, signature: sign(null, advertStatement(network, statement), key) };
    },
    isGenuine: (advert) => {
      const publicKey = keyOfPeer(advert.origin);
      // Its own word, but no text of any length that its neighbours would be shown.
      const isWellFormed = isName(advert.name) && advert.encryptionKey.length === KEY_BYTES;
      return (
        isWellFormed &&
        publicKey !== undefined &&
        isSigned(publicKey, advertStatement(network, advert), advert.signature)
      );
    },
  };
}
