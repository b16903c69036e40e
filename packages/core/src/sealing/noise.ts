import { KEY_BYTES, type KeyPair, NoiseError, publicKeyOf, SymmetricState, sharedSecret } from '../noise.ts';

const PROTOCOL = 'Noise_Npsk0_25519_ChaChaPoly_SHA256';

/** What sender and recipient know before: it must be equal at both. */
export interface Agreed {
  /** What the message is about: none of another prologue can be opened. */
  readonly prologue: Uint8Array;
  /** 32 bytes: the network's key, zeros without one. */
  readonly psk: Uint8Array;
}

/**
 * A message that only the holder of `recipient` can read, of nobody knows whom: `→ psk, e, es` (Noise Protocol
 * Framework, revision 34, pattern Npsk0). `ephemeral`: 32 random bytes, for this message alone.
 */
export function seal(
  agreed: Agreed,
  recipient: Uint8Array,
  ephemeral: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  const publicKey = publicKeyOf(ephemeral);
  const state = begin(agreed, recipient);
  state.mixEphemeral(publicKey);
  state.mixKey(sharedSecret(ephemeral, recipient));
  return Buffer.concat([publicKey, state.encryptAndHash(payload)]);
}

/** Throws NoiseError unless somebody who knows the psk has sealed it for this key. */
export function open(agreed: Agreed, local: KeyPair, message: Uint8Array): Uint8Array {
  if (message.length < KEY_BYTES) throw new NoiseError('the message is cut short');
  const ephemeral = message.subarray(0, KEY_BYTES);
  const state = begin(agreed, local.publicKey);
  state.mixEphemeral(ephemeral);
  state.mixKey(sharedSecret(local.privateKey, ephemeral));
  return state.decryptAndHash(message.subarray(KEY_BYTES));
}

function begin({ prologue, psk }: Agreed, recipient: Uint8Array): SymmetricState {
  const state = SymmetricState.of(PROTOCOL, prologue);
  state.mixHash(recipient);
  state.mixKeyAndHash(psk);
  return state;
}
