import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

/** Not genuine, or not for this key, this network and these peers: nothing of it may be used. */
export class NoiseError extends Error {
  override readonly name = 'NoiseError';
}

/** An X25519 key pair. */
export interface KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
}

/** Of a key, public or private, and of a hash. */
export const KEY_BYTES = 32;
/** Of the tag behind what is encrypted. */
export const TAG_BYTES = 16;

const CIPHER = 'chacha20-poly1305';
const EMPTY = new Uint8Array(0);

/** In front of the 32 bytes of an X25519 key (RFC 8410): PKCS #8 for a private one, SPKI for a public one. */
const PRIVATE_HEADER = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_HEADER = Buffer.from('302a300506032b656e032100', 'hex');

const privateKeys = new WeakMap<Uint8Array, KeyObject>();

/** To make a key of bytes takes OpenSSL longer than to use it, 65 us, and a node's own is the same all its life. */
function privateKeyOf(bytes: Uint8Array): KeyObject {
  let key = privateKeys.get(bytes);
  if (key === undefined) {
    key = createPrivateKey({ key: Buffer.concat([PRIVATE_HEADER, bytes]), format: 'der', type: 'pkcs8' });
    privateKeys.set(bytes, key);
  }
  return key;
}

/** The public key, 32 bytes, that goes with a private one. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKeyOf(privateKey)).export({ format: 'der', type: 'spki' });
  return der.subarray(PUBLIC_HEADER.length);
}

/**
 * X25519 (RFC 7748). Throws NoiseError where the public key is one of the few points with which anybody's result
 * is zero (low order): OpenSSL refuses these.
 */
export function sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    const key = Buffer.concat([PUBLIC_HEADER, publicKey]);
    return diffieHellman({
      privateKey: privateKeyOf(privateKey),
      publicKey: createPublicKey({ key, format: 'der', type: 'spki' }),
    });
  } catch (cause) {
    throw new NoiseError('this is no public key to agree with', { cause });
  }
}

const nonce = Buffer.alloc(12);

/** 32 zero bits and the counter, little-endian. One buffer, that the next call changes: ciphers copy it. */
export function nonceOf(counter: number): Uint8Array {
  nonce.writeUInt32LE(counter % 2 ** 32, 4);
  nonce.writeUInt32LE(Math.floor(counter / 2 ** 32), 8);
  return nonce;
}

/**
 * What both sides of a handshake compute alike: the SymmetricState of the Noise Protocol Framework (revision 34,
 * section 5.2) with 25519, ChaChaPoly and SHA256, which the names of all protocols here end in.
 */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;
  #counter: number;

  private constructor(
    chainingKey: Uint8Array,
    hash: Uint8Array,
    key: Uint8Array | undefined,
    counter: number,
  ) {
    this.#chainingKey = chainingKey;
    this.#hash = hash;
    this.#key = key;
    this.#counter = counter;
  }

  /** `protocol`: of more than 32 characters, or it would have to be padded instead of hashed. */
  static of(protocol: string, prologue: Uint8Array): SymmetricState {
    const hash = createHash('sha256').update(protocol).digest();
    const state = new SymmetricState(hash, hash, undefined, 0);
    state.mixHash(prologue);
    return state;
  }

  /** To try a message on: one that is not genuine must change nothing, for the genuine one may follow it. */
  copy(): SymmetricState {
    return new SymmetricState(this.#chainingKey, this.#hash, this.#key, this.#counter);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest();
  }

  mixKey(secret: Uint8Array): void {
    const output = this.#derive(secret, 2);
    this.#chainingKey = output.subarray(0, KEY_BYTES);
    this.#key = output.subarray(KEY_BYTES);
    this.#counter = 0;
  }

  mixKeyAndHash(psk: Uint8Array): void {
    const output = this.#derive(psk, 3);
    this.#chainingKey = output.subarray(0, KEY_BYTES);
    this.mixHash(output.subarray(KEY_BYTES, 2 * KEY_BYTES));
    this.#key = output.subarray(2 * KEY_BYTES);
    this.#counter = 0;
  }

  /** An ephemeral key: where there is a pre-shared key it goes into the key too (section 9.2). */
  mixEphemeral(publicKey: Uint8Array): void {
    this.mixHash(publicKey);
    this.mixKey(publicKey);
  }

  /** A key has been mixed in before. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#key ?? EMPTY, nonceOf(this.#counter), {
      authTagLength: TAG_BYTES,
    });
    cipher.setAAD(this.#hash, { plaintextLength: plaintext.length });
    const ciphertext = cipher.update(plaintext);
    // A stream cipher holds nothing back.
    cipher.final();
    const sealed = Buffer.concat([ciphertext, cipher.getAuthTag()]);
    this.#counter += 1;
    this.mixHash(sealed);
    return sealed;
  }

  /** A key has been mixed in before. Throws NoiseError unless it is genuine. */
  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const textBytes = sealed.length - TAG_BYTES;
    if (textBytes < 0) throw new NoiseError('the message is cut short');
    const decipher = createDecipheriv(CIPHER, this.#key ?? EMPTY, nonceOf(this.#counter), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(this.#hash, { plaintextLength: textBytes });
    decipher.setAuthTag(sealed.subarray(textBytes));
    const plaintext = decipher.update(sealed.subarray(0, textBytes));
    try {
      decipher.final();
    } catch (cause) {
      throw new NoiseError('the message is not genuine, or not for this key, network and peers', { cause });
    }
    this.#counter += 1;
    this.mixHash(sealed);
    return plaintext;
  }

  /** The keys of what follows the handshake: the initiator's, the responder's. */
  split(): readonly [Uint8Array, Uint8Array] {
    const output = this.#derive(EMPTY, 2);
    return [output.slice(0, KEY_BYTES), output.slice(KEY_BYTES)];
  }

  /** HKDF (RFC 5869), which is the HKDF of Noise with the chaining key as salt and no info. */
  #derive(secret: Uint8Array, outputs: number): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', secret, this.#chainingKey, EMPTY, outputs * KEY_BYTES));
  }
}
