import {
  KEY_BYTES,
  type KeyPair,
  NoiseError,
  publicKeyOf,
  SymmetricState,
  sharedSecret,
  TAG_BYTES,
} from '../noise.ts';

export { type KeyPair, NoiseError } from '../noise.ts';

const PROTOCOL = 'Noise_IKpsk2_25519_ChaChaPoly_SHA256';

/** What a side of a handshake knows before it. All but `local` and `ephemeral` must be equal at both. */
export interface Handshake {
  /** What the handshake is about: of any other one the first message is refused. */
  readonly prologue: Uint8Array;
  /** 32 bytes: the network's key, zeros without one. */
  readonly psk: Uint8Array;
  readonly local: KeyPair;
  /** 32 random bytes, for this handshake alone: the ephemeral private key. */
  readonly ephemeral: Uint8Array;
}

/** 32 bytes each, one for each direction. */
export interface TransportKeys {
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** In front of the payload of the first message: the ephemeral key, the static key with its tag. */
const FIRST_HEADER_BYTES: number = KEY_BYTES + KEY_BYTES + TAG_BYTES;

/**
 * Who begins: it knows the other's static key. `→ e, es, s, ss   ← e, ee, se, psk` (Noise Protocol Framework, revision
 * 34, pattern IKpsk2). Wrong order of calls and messages that are not genuine throw NoiseError, and change nothing.
 */
export class Initiator {
  readonly #handshake: Handshake;
  readonly #remote: Uint8Array;
  #state: SymmetricState | undefined;

  /** `remote`: the responder's public key. */
  constructor(handshake: Handshake, remote: Uint8Array) {
    this.#handshake = handshake;
    this.#remote = remote;
  }

  /** The first message. Once only: under the keys of this handshake another payload would give both away. */
  write(payload: Uint8Array): Uint8Array {
    if (this.#state !== undefined)
      throw new NoiseError('the first message of this handshake was written before');
    const { prologue, local, ephemeral } = this.#handshake;
    const state = begin(prologue, this.#remote);
    const publicKey = publicKeyOf(ephemeral);
    state.mixEphemeral(publicKey);
    state.mixKey(sharedSecret(ephemeral, this.#remote));
    const key = state.encryptAndHash(local.publicKey);
    state.mixKey(sharedSecret(local.privateKey, this.#remote));
    const message = Buffer.concat([publicKey, key, state.encryptAndHash(payload)]);
    this.#state = state;
    return message;
  }

  /** The answer. */
  read(message: Uint8Array): { readonly payload: Uint8Array; readonly keys: TransportKeys } {
    if (this.#state === undefined) throw new NoiseError('an answer to a message that was not written');
    if (message.length < KEY_BYTES) throw new NoiseError('the message is cut short');
    const { local, ephemeral, psk } = this.#handshake;
    const state = this.#state.copy();
    const remote = message.subarray(0, KEY_BYTES);
    state.mixEphemeral(remote);
    state.mixKey(sharedSecret(ephemeral, remote));
    state.mixKey(sharedSecret(local.privateKey, remote));
    state.mixKeyAndHash(psk);
    const payload = state.decryptAndHash(message.subarray(KEY_BYTES));
    const [send, receive] = state.split();
    return { payload, keys: { send, receive } };
  }
}

/** Who answers: it learns the initiator's static key from the first message. */
export class Responder {
  readonly #handshake: Handshake;
  #read:
    | { readonly state: SymmetricState; readonly ephemeral: Uint8Array; readonly remote: Uint8Array }
    | undefined;
  #isWritten = false;

  constructor(handshake: Handshake) {
    this.#handshake = handshake;
  }

  /**
   * The first message, and whose it is. It may be an old one, sent again by anybody, until something comes under the
   * keys that `write` returns; and it does not prove that its sender knows the psk, which only the answer is bound to.
   */
  read(message: Uint8Array): { readonly payload: Uint8Array; readonly remote: Uint8Array } {
    if (this.#read !== undefined) throw new NoiseError('the first message of this handshake was read before');
    if (message.length < FIRST_HEADER_BYTES) throw new NoiseError('the message is cut short');
    const { prologue, local } = this.#handshake;
    const state = begin(prologue, local.publicKey);
    const ephemeral = message.subarray(0, KEY_BYTES);
    state.mixEphemeral(ephemeral);
    state.mixKey(sharedSecret(local.privateKey, ephemeral));
    const remote = state.decryptAndHash(message.subarray(KEY_BYTES, FIRST_HEADER_BYTES));
    state.mixKey(sharedSecret(local.privateKey, remote));
    const payload = state.decryptAndHash(message.subarray(FIRST_HEADER_BYTES));
    // A copy: the message is a view of what came from the network, and a handshake may wait.
    this.#read = { state, ephemeral: ephemeral.slice(), remote };
    return { payload, remote };
  }

  /** The answer, and the keys of what follows. Once only, as the first message. */
  write(payload: Uint8Array): { readonly message: Uint8Array; readonly keys: TransportKeys } {
    if (this.#read === undefined) throw new NoiseError('an answer to a message that was not read');
    if (this.#isWritten) throw new NoiseError('the answer of this handshake was written before');
    this.#isWritten = true;
    const { ephemeral, psk } = this.#handshake;
    const { state, ephemeral: remoteEphemeral, remote } = this.#read;
    const publicKey = publicKeyOf(ephemeral);
    state.mixEphemeral(publicKey);
    state.mixKey(sharedSecret(ephemeral, remoteEphemeral));
    state.mixKey(sharedSecret(ephemeral, remote));
    state.mixKeyAndHash(psk);
    const message = Buffer.concat([publicKey, state.encryptAndHash(payload)]);
    const [receive, send] = state.split();
    return { message, keys: { send, receive } };
  }
}

/** `responder`: its static key, that both know before. */
function begin(prologue: Uint8Array, responder: Uint8Array): SymmetricState {
  const state = SymmetricState.of(PROTOCOL, prologue);
  state.mixHash(responder);
  return state;
}
