import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { LetterSchema, type Letter as ReadLetter } from '../gen/peerd/sealing/v1/sealing_pb.ts';
import { isPeerId } from '../peer-keys.ts';

const MAX_PURPOSE_LENGTH = 64;

export const ID_BYTES = 16;

/** Of an Ed25519 signature. */
const SIGNATURE_BYTES = 64;

/** What arrived is no letter. */
export class SealingCodecError extends Error {
  override readonly name = 'SealingCodecError';
}

/** What is inside a sealed message. */
export interface Letter {
  readonly sender: string;
  readonly recipient: string;
  /** Of the recipient's advert that its key was taken from. */
  readonly recipientSequence: number;
  /** 16 random bytes. */
  readonly id: Uint8Array;
  /** In ms since 1970. */
  readonly expiresMs: number;
  readonly purpose: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The bytes that a sender signs: nothing else that it signs can pass for them. The texts are on lines of their own, the
 * payload comes last.
 */
export function letterStatement(network: string, letter: Omit<Letter, 'signature'>): Uint8Array {
  const { sender, recipient, recipientSequence, id, expiresMs, purpose, payload } = letter;
  const lines = [
    'peerd sealed message 1',
    JSON.stringify(network),
    sender,
    recipient,
    recipientSequence,
    Buffer.from(id).toString('hex'),
    expiresMs,
    JSON.stringify(purpose),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), payload]);
}

export function encodeLetter(letter: Letter): Uint8Array {
  const { recipientSequence, expiresMs, ...rest } = letter;
  const numbers = { recipientSequence: BigInt(recipientSequence), expiresMs: BigInt(expiresMs) };
  return toBinary(LetterSchema, create(LetterSchema, { ...rest, ...numbers }));
}

/** Throws nothing but `SealingCodecError`. Who has signed it is not checked here. */
export function decodeLetter(bytes: Uint8Array): Letter {
  const { sender, recipient, recipientSequence, id, expiresMs, purpose, payload, signature } = read(bytes);
  if (!isPeerId(sender) || !isPeerId(recipient)) throw new SealingCodecError('from or to what is no peer id');
  if (id.length !== ID_BYTES) throw new SealingCodecError(`an id of ${id.length} bytes`);
  if (signature.length !== SIGNATURE_BYTES)
    throw new SealingCodecError(`a signature of ${signature.length} bytes`);
  if (purpose.length > MAX_PURPOSE_LENGTH)
    throw new SealingCodecError(`a purpose of ${purpose.length} characters`);
  return {
    sender,
    recipient,
    recipientSequence: numberOf(recipientSequence),
    id,
    expiresMs: numberOf(expiresMs),
    purpose,
    payload,
    signature,
  };
}

function read(bytes: Uint8Array): ReadLetter {
  try {
    return fromBinary(LetterSchema, bytes);
  } catch (cause) {
    throw new SealingCodecError('malformed letter', { cause });
  }
}

function numberOf(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new SealingCodecError('a number that is too large');
  return Number(value);
}
