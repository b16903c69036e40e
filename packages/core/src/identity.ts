import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto';
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

/** PKCS #8 header (RFC 8410) in front of the 32 bytes of an Ed25519 private key. */
const ED25519_PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key that a secret is, for signing where nothing may be awaited. */
export function signingKeyOf(secret: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([ED25519_PKCS8_HEADER, secret]),
    format: 'der',
    type: 'pkcs8',
  });
}

/** An X25519 key pair for messages that only this node can read. */
export interface EncryptionKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
}

/** PKCS #8 header (RFC 8410) in front of the 32 bytes of an X25519 private key. */
const X25519_PKCS8_HEADER = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * The encryption key that goes with an identity, derived from its secret (HKDF-SHA256, RFC 5869) so that there
 * is one thing to keep and to back up.
 */
export function encryptionKeyOf(secret: Uint8Array): EncryptionKeyPair {
  const privateKey = new Uint8Array(hkdfSync('sha256', secret, '', 'peerd encryption key 1', 32));
  const der = Buffer.concat([X25519_PKCS8_HEADER, privateKey]);
  const { x } = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  });
  return { publicKey: Uint8Array.from(Buffer.from(x as string, 'base64url')), privateKey };
}
