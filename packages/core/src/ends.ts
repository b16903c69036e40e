import { sign } from 'node:crypto';
import { judgePeer, type Policy } from './hello/policy.ts';
import { encryptionKeyStatement, isSigned } from './hello/proof.ts';
import { type EncryptionKeyPair, signingKeyOf } from './identity.ts';
import { keyOfPeer } from './peer-keys.ts';
import type { SealingSelf } from './sealing/state.ts';
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
    isKeyOf: (peer, key, signature) => isSignedBy(peer, encryptionKeyStatement(key), signature),
    ...judgement(policy),
  };
}

/** A node that seals messages with its identity, and opens those for it. */
export function sealingSelf(
  policy: Policy,
  id: string,
  secret: Uint8Array,
  keys: EncryptionKeyPair,
  firstSequence: number,
): SealingSelf {
  const signingKey = signingKeyOf(secret);
  return {
    id,
    network: policy.network,
    psk: policy.key ?? noNetworkKey,
    keys,
    firstSequence,
    sign: (statement) => sign(null, statement, signingKey),
    isSigned: isSignedBy,
    ...judgement(policy),
  };
}

/** What the lists of a policy, which can change, say against a peer. */
function judgement(policy: Policy): Pick<SessionsSelf, 'denial' | 'lists'> {
  return {
    denial: (peer, { allow, deny }) =>
      judgePeer({ ...policy, allow: new Set(allow), deny: new Set(deny) }, peer),
    lists: { allow: [...policy.allow], deny: [...policy.deny] },
  };
}

function isSignedBy(peer: string, statement: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = keyOfPeer(peer);
  return publicKey !== undefined && isSigned(publicKey, statement, signature);
}
