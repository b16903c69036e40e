import type { ErrorCode } from '@peerd/protocol';

/** The protocol of calls between two peers: docs/protocols/request.md. */
export const REQUEST_PROTOCOL = '/peerd/request/1';

/**
 * Bytes of messages that one side of a call may have sent and the other not yet taken. A message uses its
 * length and `MESSAGE_COST_BYTES`; it may be begun as long as any of the window is left.
 */
export const CALL_WINDOW_BYTES: number = 1024 * 1024;

/** What each message uses of its call's window besides its bytes: short and empty ones take memory too. */
export const MESSAGE_COST_BYTES = 64;

/**
 * Bytes that one side of a stream may have sent and the other side's loop not yet taken. libp2p resets a
 * stream at 4 MiB unread and gives a reader no other way to slow a writer.
 */
export const STREAM_WINDOW_BYTES: number = 1024 * 1024;

/**
 * Credit of the stream is granted when this much has been taken, at the latest: part of the protocol, since a sender
 * may keep as little as twice that under way.
 */
export const STREAM_GRANT_BYTES: number = STREAM_WINDOW_BYTES / 16;

/** What each frame uses of the stream's window besides the bytes it carries. Part of the protocol. */
const FRAME_COST_BYTES = 16;

/**
 * A call's message goes out in chunks of this size at most, so that a large one does not hold up a small one. Half of it
 * costs each daemon a tenth more for a payload of 1 MiB, and twice as much saves nothing.
 */
export const CHUNK_BYTES: number = 32 * 1024;

/** Longest frame that is accepted, after its length: a chunk of 64 KiB and room for the rest of an OPEN. */
export const MAX_FRAME_BYTES: number = 64 * 1024 + 1024;

/** Longest name of a service, in bytes of UTF-8. */
export const MAX_SERVICE_BYTES = 255;

/** Longest reason that is sent with a RESET, in bytes of UTF-8; a longer one is cut. */
export const MAX_REASON_BYTES = 1024;

export const FrameType = { open: 1, data: 2, credit: 3, reset: 4, packet: 5 } as const;

/** From here up a frame of unknown type is skipped; below, it ends the stream. */
export const FIRST_IGNORABLE_TYPE = 0x80;

/** The last chunk of a message. */
export const END_MESSAGE = 1;
/** The last frame of this side of the call: it has half-closed. */
export const END_STREAM = 2;

export interface OpenFrame {
  readonly type: typeof FrameType.open;
  readonly call: number;
  readonly flags: number;
  /** ms the caller waits; 0: for ever. */
  readonly timeoutMs: number;
  /** Length of the whole first message. */
  readonly totalBytes: number;
  readonly service: string;
  readonly data: Uint8Array;
}

export interface DataFrame {
  readonly type: typeof FrameType.data;
  readonly call: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

export interface CreditFrame {
  readonly type: typeof FrameType.credit;
  /** 0: the stream itself. */
  readonly call: number;
  readonly bytes: number;
}

export interface ResetFrame {
  readonly type: typeof FrameType.reset;
  readonly call: number;
  readonly code: number;
  readonly reason: string;
}

/** A packet, on its way from one peer to another: it belongs to no call. What is in it is for `forwarding` to read. */
export interface PacketFrame {
  readonly type: typeof FrameType.packet;
  readonly call: 0;
  /** Where it comes from and goes to: each forwarder writes it anew. */
  readonly head: Uint8Array;
  /** Parts that are sent one after the other: nobody between its ends touches them. As it arrives it is one. */
  readonly body: readonly Uint8Array[];
}

export type Frame = OpenFrame | DataFrame | CreditFrame | ResetFrame | PacketFrame;

export type ResetCode =
  | Extract<
      ErrorCode,
      | 'internal'
      | 'invalid'
      | 'refused'
      | 'forbidden'
      | 'no-handler'
      | 'busy'
      | 'too-large'
      | 'timeout'
      | 'stopped'
      | 'disconnected'
    >
  | 'cancelled';

/** What a RESET says, as a number; `cancelled` comes from a caller that no longer waits. */
export const resetCodes: Readonly<Record<ResetCode, number>> = {
  internal: 1,
  invalid: 2,
  refused: 3,
  forbidden: 4,
  'no-handler': 5,
  busy: 6,
  'too-large': 7,
  timeout: 8,
  stopped: 9,
  cancelled: 10,
  disconnected: 11,
};

const errorCodeOfReset = new Map<number, ErrorCode>(
  Object.entries(resetCodes)
    .filter(([code]) => code !== 'cancelled')
    .map(([code, number]) => [number, code as ErrorCode]),
);

/** The error a caller sees for a RESET; a number that is not known yet counts as `refused`. */
export function errorCodeOf(reset: number): ErrorCode {
  return errorCodeOfReset.get(reset) ?? 'refused';
}

/**
 * Bytes of the stream's window that a frame uses: a fixed part, its data or packet and its text. CREDIT is free, or two
 * full windows could lock each other.
 */
export function costOf(frame: Frame): number {
  switch (frame.type) {
    case FrameType.data:
      return FRAME_COST_BYTES + frame.data.length;
    case FrameType.open:
      return FRAME_COST_BYTES + frame.data.length + Buffer.byteLength(frame.service);
    case FrameType.reset:
      return FRAME_COST_BYTES + Buffer.byteLength(frame.reason);
    case FrameType.packet:
      return FRAME_COST_BYTES + frame.head.length + bodyLength(frame);
    case FrameType.credit:
      return 0;
  }
}

export function bodyLength({ body }: PacketFrame): number {
  let length = 0;
  for (const part of body) length += part.length;
  return length;
}
