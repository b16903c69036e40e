import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ErrorCode, isErrorCode, printable } from '@peerd/protocol';
import { GreetingSchema, OfferSchema } from '../gen/peerd/session/v1/session_pb.ts';
import { HOP_LIMIT } from '../hop-limit.ts';
import { isPeerId } from '../peer-keys.ts';
import type { Range } from './outbox.ts';
import { MAX_RANGES } from './reordering.ts';

/** Session ids and counters take so many bytes: 48 bits. */
const NUMBER_BYTES = 6;

/** What precedes what is encrypted: the receiver's id of the session, and the packet's counter. */
export const HEADER_BYTES: number = 2 * NUMBER_BYTES;

/** What a packet carries begins with its type and an acknowledgement. */
export const CONTENT_HEAD_BYTES: number = 1 + NUMBER_BYTES;

/** Longest name or reason that is taken. */
const MAX_TEXT_LENGTH = 500;

/** What a data packet carries. */
export const Content = { initiatorsCalls: 0, respondersCalls: 1, path: 2, nothing: 3 } as const;

/** What a control packet says. */
const Control = { acknowledgement: 0, close: 1 } as const;

/** What arrived is not what an end of a session says. */
export class SessionCodecError extends Error {
  override readonly name = 'SessionCodecError';
}

export interface Header {
  /** Of the session, at its receiver. */
  readonly id: number;
  readonly counter: number;
}

export interface Greeting {
  readonly name: string;
  /** What its sender is to be sent has this in its header. */
  readonly session: number;
  readonly encryptionKeySignature: Uint8Array;
  readonly sequence: number;
  readonly refusal: { readonly code: ErrorCode; readonly reason: string } | undefined;
}

export function encodeNumber(number: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
  bytes.writeUIntBE(number, 0, NUMBER_BYTES);
  return bytes;
}

/** Throws `SessionCodecError` when there is none. */
export function decodeNumber(bytes: Uint8Array, at = 0): number {
  if (bytes.length < at + NUMBER_BYTES) throw new SessionCodecError('too short');
  let number = 0;
  for (let i = at; i < at + NUMBER_BYTES; i += 1) number = number * 256 + (bytes[i] as number);
  return number;
}

export function encodeHeader({ id, counter }: Header): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES);
  bytes.writeUIntBE(id, 0, NUMBER_BYTES);
  bytes.writeUIntBE(counter, NUMBER_BYTES, NUMBER_BYTES);
  return bytes;
}

export function decodeHeader(bytes: Uint8Array): Header {
  return { id: decodeNumber(bytes), counter: decodeNumber(bytes, NUMBER_BYTES) };
}

/** Of a packet's content; what it acknowledges is written when it goes. */
export function contentHead(type: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(CONTENT_HEAD_BYTES);
  bytes[0] = type;
  return bytes;
}

/** `counter`: all data packets before it have come. */
export function writeAcknowledged(head: Uint8Array, counter: number): void {
  (head as Buffer).writeUIntBE(counter, 1, NUMBER_BYTES);
}

export function decodeContent(bytes: Uint8Array): {
  readonly type: number;
  readonly acknowledged: number;
  readonly data: Uint8Array;
} {
  const acknowledged = decodeNumber(bytes, 1);
  return { type: bytes[0] as number, acknowledged, data: bytes.subarray(CONTENT_HEAD_BYTES) };
}

export function encodeAcknowledgement(upTo: number, ranges: readonly Range[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + (1 + 2 * ranges.length) * NUMBER_BYTES);
  bytes[0] = Control.acknowledgement;
  let at = bytes.writeUIntBE(upTo, 1, NUMBER_BYTES);
  for (const range of ranges) for (const edge of range) at = bytes.writeUIntBE(edge, at, NUMBER_BYTES);
  return bytes;
}

export const close: Uint8Array = Uint8Array.of(Control.close);

/** `undefined`: the other end has closed. */
export function decodeControl(
  bytes: Uint8Array,
): { readonly upTo: number; readonly ranges: readonly Range[] } | undefined {
  if (bytes[0] === Control.close) return undefined;
  if (bytes[0] !== Control.acknowledgement) throw new SessionCodecError('neither acknowledgement nor close');
  const upTo = decodeNumber(bytes, 1);
  const ranges: Range[] = [];
  if (bytes.length > 1 + (1 + 2 * MAX_RANGES) * NUMBER_BYTES) throw new SessionCodecError('too many ranges');
  for (let at = 1 + NUMBER_BYTES; at < bytes.length; at += 2 * NUMBER_BYTES)
    ranges.push([decodeNumber(bytes, at), decodeNumber(bytes, at + NUMBER_BYTES)]);
  return { upTo, ranges };
}

/** Peer ids have no commas. */
export function encodePath(path: readonly string[]): Uint8Array {
  return Buffer.from(path.join(','));
}

/** Throws `SessionCodecError` when that is no path: it is shown to users. */
export function decodePath(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const path = Buffer.from(bytes).toString().split(',');
  if (path.length >= HOP_LIMIT || !path.every(isPeerId)) throw new SessionCodecError('no path of peers');
  return path;
}

export function encodeGreeting(greeting: Greeting): Uint8Array {
  const { name, session, encryptionKeySignature, sequence, refusal } = greeting;
  const message = create(GreetingSchema, {
    name,
    session: BigInt(session),
    encryptionKeySignature,
    sequence: BigInt(sequence),
    ...(refusal === undefined
      ? {}
      : { refusal: { code: refusal.code, reason: refusal.reason.slice(0, MAX_TEXT_LENGTH) } }),
  });
  return toBinary(GreetingSchema, message);
}

/** Throws nothing but `SessionCodecError`. */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  try {
    const { name, session, encryptionKeySignature, sequence, refusal } = fromBinary(GreetingSchema, bytes);
    if (sequence > BigInt(Number.MAX_SAFE_INTEGER) || session >= 2n ** 48n)
      throw new SessionCodecError('a number out of range');
    return {
      name: oneLine(name),
      session: Number(session),
      encryptionKeySignature,
      sequence: Number(sequence),
      refusal:
        refusal === undefined
          ? undefined
          : { code: isErrorCode(refusal.code) ? refusal.code : 'refused', reason: oneLine(refusal.reason) },
    };
  } catch (cause) {
    throw new SessionCodecError('malformed greeting', { cause });
  }
}

/** The key that a peer is to be written to with, and its identity's word for that. */
export interface Offer {
  readonly encryptionKey: Uint8Array;
  readonly encryptionKeySignature: Uint8Array;
}

export function encodeOffer({ encryptionKey, encryptionKeySignature }: Offer): Uint8Array {
  return toBinary(OfferSchema, create(OfferSchema, { encryptionKey, encryptionKeySignature }));
}

/** Throws nothing but `SessionCodecError`. */
export function decodeOffer(bytes: Uint8Array): Offer {
  try {
    const { encryptionKey, encryptionKeySignature } = fromBinary(OfferSchema, bytes);
    return { encryptionKey, encryptionKeySignature };
  } catch (cause) {
    throw new SessionCodecError('malformed offer', { cause });
  }
}

/** What a stranger writes must not pass for a record of its own in a log. */
function oneLine(text: string): string {
  return printable(text.slice(0, MAX_TEXT_LENGTH)).replaceAll('\n', ' ');
}
