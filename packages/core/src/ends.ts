import { judgePeer, type Policy } from './hello/policy.ts';
import { encryptionKeyStatement, isSigned } from './hello/proof.ts';
import { publicKeyOf } from './host/address.ts';
import type { EncryptionKeyPair } from './identity.ts';
import type { SessionsSelf } from './sessions/handshakes.ts';

const noNetworkKey = new Uint8Array(32);

/** A node as one end of sessions. */
export function sessionsSelf(
  self: { readonly id: string; readonly name: string; readonly encryptionKeySignature: Uint8Array },
  policy: Policy,
  keys: EncryptionKeyPair,
  firstSequence: number,
): SessionsSelf {
  return {
    ...self,
    keys,
    firstSequence,
    psk: policy.key ?? noNetworkKey,
    prologue: (initiator, responder) =>
      Buffer.from(`peerd session 1\n${JSON.stringify(policy.network)}\n${initiator}\n${responder}\n`),
    isKeyOf: (peer, key, signature) => {
      const publicKey = publicKeyOf(peer);
      return publicKey !== undefined && isSigned(publicKey, encryptionKeyStatement(key), signature);
    },
    denial: (peer, { allow, deny }) =>
      judgePeer({ ...policy, allow: new Set(allow), deny: new Set(deny) }, peer),
    lists: { allow: [...policy.allow], deny: [...policy.deny] },
  };
}
