import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { PeerdError } from '@peerd/protocol';
import { base58btc } from 'multiformats/bases/base58';

/** An Ed25519 secret (the seed of RFC 8032) in bytes. */
const SECRET_BYTES = 32;

/** A fresh 32-byte Ed25519 secret. */
export async function generateSecret(): Promise<Uint8Array> {
  const key = await generateKeyPair('Ed25519');
  return key.raw.slice(0, SECRET_BYTES);
}

/** The base58 (Bitcoin alphabet) form in which tinyp2p configures a secret. */
export function encodeSecret(secret: Uint8Array): string {
  return base58btc.baseEncode(secret);
}

/** Fails with `invalid` unless `text` is base58 of 32 bytes. The text itself never appears in the error. */
export function decodeSecret(text: string): Uint8Array {
  let secret: Uint8Array;
  try {
    secret = base58btc.baseDecode(text.trim());
  } catch (cause) {
    throw new PeerdError('invalid', 'the secret is not base58: expected 32 bytes in the Bitcoin alphabet', {
      cause,
    });
  }
  if (secret.length !== SECRET_BYTES)
    throw new PeerdError('invalid', `the secret is ${secret.length} bytes long: expected ${SECRET_BYTES}`);
  return secret;
}

export async function privateKeyOf(secret: Uint8Array): Promise<Ed25519PrivateKey> {
  if (secret.length !== SECRET_BYTES)
    throw new PeerdError('invalid', `the secret is ${secret.length} bytes long: expected ${SECRET_BYTES}`);
  return await generateKeyPairFromSeed('Ed25519', secret);
}

/** The peer id (`12D3KooW…`) that belongs to a secret. */
export async function peerIdOf(secret: Uint8Array): Promise<string> {
  return peerIdFromPrivateKey(await privateKeyOf(secret)).toString();
}
