import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ErrorCode, isErrorCode, printable } from '@peerd/protocol';
import { HelloMessageSchema } from '../gen/peerd/hello/v1/hello_pb.ts';
import type { HelloMessage } from './messages.ts';

/** Longest message of the handshake: a greeting with every field at its limit is under 3 KiB. */
export const MAX_HELLO_BYTES: number = 8 * 1024;

/** Longest reason that is shown; the rest is cut. */
const MAX_REASON_LENGTH = 500;

/** Versions that one greeting may name. */
const MAX_VERSIONS = 16;

/** What arrived is not a message of the handshake. */
export class HelloCodecError extends Error {
  override readonly name = 'HelloCodecError';
}

export function encodeHello(message: HelloMessage): Uint8Array {
  return toBinary(HelloMessageSchema, create(HelloMessageSchema, { body: bodyOf(message) }));
}

function bodyOf(message: HelloMessage) {
  switch (message.type) {
    case 'greeting':
      return {
        case: 'greeting' as const,
        value: {
          ...message,
          versions: [...message.versions],
          features: [...message.features],
          roles: [...message.roles],
        },
      };
    case 'accept':
      return { case: 'accept' as const, value: { proof: message.proof } };
    case 'refusal': {
      const reason = message.reason.slice(0, MAX_REASON_LENGTH);
      return { case: 'refusal' as const, value: { code: message.code, reason } };
    }
  }
}

/** Throws nothing but `HelloCodecError`. */
export function decodeHello(bytes: Uint8Array): HelloMessage {
  let body: ReturnType<typeof readBody>;
  try {
    body = readBody(bytes);
  } catch (cause) {
    throw new HelloCodecError('malformed hello', { cause });
  }
  switch (body.case) {
    case 'greeting': {
      const { versions, network, name, features, roles, routing } = body.value;
      const { encryptionKey, encryptionKeySignature, nonce, proof } = body.value;
      if (versions.length > MAX_VERSIONS) throw new HelloCodecError('a greeting with too many versions');
      return {
        type: 'greeting',
        versions,
        network,
        name,
        features,
        encryptionKey,
        encryptionKeySignature,
        nonce,
        proof,
        roles,
        routing,
      };
    }
    case 'accept':
      return { type: 'accept', proof: body.value.proof };
    case 'refusal': {
      const code: ErrorCode = isErrorCode(body.value.code) ? body.value.code : 'refused';
      // On one line: a reason is logged, and what a stranger writes must not pass for a record of its own.
      const reason = printable(body.value.reason.slice(0, MAX_REASON_LENGTH)).replaceAll('\n', ' ');
      return { type: 'refusal', code, reason };
    }
    default:
      throw new HelloCodecError('hello without a known message');
  }
}

function readBody(bytes: Uint8Array) {
  return fromBinary(HelloMessageSchema, bytes).body;
}
