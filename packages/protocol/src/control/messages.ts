import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { isErrorCode, PeerdError } from '../errors.ts';
import {
  type ClientFrame,
  ClientFrameSchema,
  type Fault,
  type ServerFrame,
  ServerFrameSchema,
} from '../gen/peerd/control/v1/control_pb.ts';

export type ClientBody = NonNullable<MessageInitShape<typeof ClientFrameSchema>['body']>;
export type ServerBody = NonNullable<MessageInitShape<typeof ServerFrameSchema>['body']>;

export function encodeClientFrame(call: number, body: ClientBody): Uint8Array {
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { call, body }));
}

export function encodeServerFrame(call: number, body: ServerBody): Uint8Array {
  return toBinary(ServerFrameSchema, create(ServerFrameSchema, { call, body }));
}

/** Fails with `invalid` on bytes that are no frame of a client. */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame {
  try {
    return fromBinary(ClientFrameSchema, bytes);
  } catch (cause) {
    throw new PeerdError('invalid', 'a frame could not be read: it is not a ClientFrame', { cause });
  }
}

/** Fails with `invalid` on bytes that are no frame of a daemon. */
export function decodeServerFrame(bytes: Uint8Array): ServerFrame {
  try {
    return fromBinary(ServerFrameSchema, bytes);
  } catch (cause) {
    throw new PeerdError('invalid', 'a frame could not be read: it is not a ServerFrame', { cause });
  }
}

type FaultInit = { code: string; message: string; candidates: string[] };

export function faultOf(error: unknown): FaultInit {
  const { code, message, candidates } = PeerdError.from(error);
  return { code, message, candidates: [...candidates] };
}

/** A code from a newer daemon that this client does not know is `internal` here; its text is kept. */
export function errorOf(fault: Fault): PeerdError {
  if (isErrorCode(fault.code))
    return new PeerdError(fault.code, fault.message, { candidates: fault.candidates });
  return new PeerdError('internal', `${fault.message} (${fault.code})`, { candidates: fault.candidates });
}
