import { createHmac, createPublicKey, scryptSync, timingSafeEqual, verify } from 'node:crypto';

/**
 * The key that proves knowledge of a network's secret. scrypt (RFC 7914) makes guessing dear for a stranger
 * who was shown a proof: about 50 ms and 32 MiB a guess with these parameters.
 */
export function networkKey(network: string, secret: string): Uint8Array {
  const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
  return scryptSync(secret, `peerd network ${network}`, 32, cost);
}

export interface ProofSubject {
  /** Whose knowledge is proved. */
  readonly prover: 'dialer' | 'listener';
  readonly dialer: string;
  readonly listener: string;
  readonly dialerNonce: Uint8Array;
  readonly listenerNonce: Uint8Array;
}

/**
 * HMAC-SHA256 over both ids, both nonces and the prover's role: it holds for this handshake alone, and a
 * proof that was shown to one side can't be shown to another.
 */
export function prove(key: Uint8Array, subject: ProofSubject): Uint8Array {
  const mac = createHmac('sha256', key);
  mac.update(`peerd hello 1\n${subject.prover}\n${subject.dialer}\n${subject.listener}\n`);
  mac.update(subject.dialerNonce).update(subject.listenerNonce);
  return mac.digest();
}

export function isProof(key: Uint8Array, subject: ProofSubject, proof: Uint8Array): boolean {
  const expected = prove(key, subject);
  return proof.length === expected.length && timingSafeEqual(proof, expected);
}

/** What an identity signs to vouch for its encryption key. */
export function encryptionKeyStatement(encryptionKey: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('peerd encryption key 1\n'), encryptionKey]);
}

/** `publicKey`: the 32 raw bytes of an Ed25519 public key. */
export function isSigned(publicKey: Uint8Array, statement: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(publicKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, statement, key, signature);
}
