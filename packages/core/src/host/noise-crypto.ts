import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { ICryptoInterface } from '@chainsafe/libp2p-noise';
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto';
import { listOf } from './bytes.ts';

const CIPHER = 'chacha20-poly1305';
const TAG_BYTES = 16;

/** Below this Noise's own WebAssembly is faster than a call into OpenSSL: 3 and 7 us for 150 bytes. */
const SMALL_BYTES = 1_000;

const keys = new WeakMap<Uint8Array, KeyObject>();

/** Node takes 13 us to make a key of bytes, for each packet; a connection has the same two keys all its life. */
function keyOf(bytes: Uint8Array): KeyObject {
  let key = keys.get(bytes);
  if (key === undefined) {
    key = createSecretKey(bytes);
    keys.set(bytes, key);
  }
  return key;
}

/** Noise has its list of buffers from an earlier version of the package; they know each other by a symbol. */
type Bytes = Parameters<ICryptoInterface['chaCha20Poly1305Encrypt']>[0];

/** The parts of bytes that may be a list. */
function partsOf(bytes: Bytes): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes;
}

/**
 * Noise's crypto with ChaCha20-Poly1305 on keys that are made once: 23 to 9 us for a packet of 4 KiB. What is not small
 * is taken and given as a list of parts, so that nothing of a payload is copied to be encrypted or put together after.
 */
export const noiseCrypto: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, k) {
    const { byteLength } = plaintext;
    if (byteLength < SMALL_BYTES) return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k);
    const cipher = createCipheriv(CIPHER, keyOf(k), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(ad, { plaintextLength: byteLength });
    const ciphertext: Uint8Array[] = [];
    for (const part of partsOf(plaintext)) ciphertext.push(cipher.update(part));
    // A stream cipher holds nothing back.
    cipher.final();
    ciphertext.push(cipher.getAuthTag());
    return listOf(ciphertext) as Bytes;
  },
  chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst) {
    const { byteLength } = ciphertext;
    if (byteLength < SMALL_BYTES) return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst);
    const textBytes = byteLength - TAG_BYTES;
    const text =
      ciphertext instanceof Uint8Array ? ciphertext.subarray(0, textBytes) : ciphertext.sublist(0, textBytes);
    const decipher = createDecipheriv(CIPHER, keyOf(k), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(ad, { plaintextLength: textBytes });
    decipher.setAuthTag(ciphertext.subarray(textBytes));
    const plaintext: Uint8Array[] = [];
    for (const part of partsOf(text)) plaintext.push(decipher.update(part));
    // Throws unless the tag is right: nothing of the text has been handed out before.
    decipher.final();
    return listOf(plaintext) as Bytes;
  },
};
