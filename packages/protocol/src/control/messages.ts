import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { isErrorCode, PeerdError } from '../errors.ts';
import { ClientFrameSchema, ServerFrameSchema } from '../gen/peerd/control/v1/control_pb.ts';
import type { ClientBody, ClientFrame, ServerBody, ServerFrame } from './frames.ts';
import { hotClientFrame, hotServerFrame } from './hot-decoding.ts';
import { hotClientHead, hotServerHead } from './hot-encoding.ts';

/** Takes an encoded frame: its head, which the next frame overwrites, and the payload, which follows. */
export interface FrameSink {
  /** Frames of one lane keep their order. */
  send(lane: number, head: Uint8Array, payload: Uint8Array): void;
}

const none = new Uint8Array(0);

/** Encodes a frame without copying its payload. Fails with what the sink fails with. */
export function sendClientFrame(sink: FrameSink, call: number, body: ClientBody): void {
  const isInbound = body.case === 'answer' || body.case === 'done' || body.case === 'fault';
  const head = hotClientHead(call, body);
  if (head === undefined) sink.send(laneOf(call, isInbound), none, encodeClientFrame(call, body));
  else sink.send(laneOf(call, isInbound), head, payloadOf(body));
}

/** Encodes a frame without copying its payload. Fails with what the sink fails with. */
export function sendServerFrame(sink: FrameSink, call: number, body: ServerBody): void {
  const isInbound = body.case === 'inbound' || body.case === 'cancel' || body.case === 'took';
  const head = hotServerHead(call, body);
  if (head === undefined) sink.send(laneOf(call, isInbound), none, encodeServerFrame(call, body));
  else sink.send(laneOf(call, isInbound), head, payloadOf(body));
}

/** The client's calls and the daemon's inbound requests bear the same numbers: neither is to wait for the other. */
function laneOf(call: number, isInbound: boolean): number {
  return isInbound ? -call : call;
}

function payloadOf(body: ClientBody | ServerBody): Uint8Array {
  return (body.value as { payload?: Uint8Array }).payload ?? none;
}

export function encodeClientFrame(call: number, body: ClientBody): Uint8Array {
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { call, body }));
}

export function encodeServerFrame(call: number, body: ServerBody): Uint8Array {
  return toBinary(ServerFrameSchema, create(ServerFrameSchema, { call, body }));
}

/** Fails with `invalid` on bytes that are no frame of a client. */
export function decodeClientFrame(bytes: Uint8Array, start = 0, end: number = bytes.length): ClientFrame {
  const frame = hotClientFrame(bytes, start, end);
  if (frame !== undefined) return frame;
  try {
    return fromBinary(ClientFrameSchema, bytes.subarray(start, end));
  } catch (cause) {
    throw new PeerdError('invalid', 'a frame could not be read: it is not a ClientFrame', { cause });
  }
}

/** Fails with `invalid` on bytes that are no frame of a daemon. */
export function decodeServerFrame(bytes: Uint8Array, start = 0, end: number = bytes.length): ServerFrame {
  const frame = hotServerFrame(bytes, start, end);
  if (frame !== undefined) return frame;
  try {
    return fromBinary(ServerFrameSchema, bytes.subarray(start, end));
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
export function errorOf(fault: FaultInit): PeerdError {
  if (isErrorCode(fault.code))
    return new PeerdError(fault.code, fault.message, { candidates: fault.candidates });
  return new PeerdError('internal', `${fault.message} (${fault.code})`, { candidates: fault.candidates });
}
