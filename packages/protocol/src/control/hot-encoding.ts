import type { ClientBody, ServerBody } from './frames.ts';

/**
 * The frames that come by the thousand, encoded by hand: protobuf-es takes several us and two copies of the payload
 * for each. What comes out is what it would write, with the payload last. `control.proto` rules; a test holds the
 * fields here against it.
 */

/** Room for a head: all but the payload. One that has longer texts is left to protobuf-es. */
const scratch: Buffer = Buffer.allocUnsafeSlow(4_096);
const maxTextUnits = 1_024;

/** Heads are written from their end to their front, for each length stands before what it counts. */
let at = scratch.length;

const none = new Uint8Array(0);

/** All of a client's frame but its payload, which is to follow. It is overwritten by the next call. */
export function hotClientHead(call: number, body: ClientBody): Uint8Array | undefined {
  if (!isUint32(call)) return undefined;
  at = scratch.length;
  switch (body.case) {
    case 'request': {
      const { peer, service, timeoutMs, stream, idempotent, wantPath } = body.value;
      if (!payload(3, body.value.payload) || !flag(7, wantPath)) return undefined;
      if (!flag(6, idempotent) || !flag(5, stream) || !uint32(4, timeoutMs)) return undefined;
      return text(2, service) && text(1, peer) ? head(3, call, body.value.payload) : undefined;
    }
    case 'broadcast': {
      const { topic, timeoutMs, allowNone } = body.value;
      if (!payload(2, body.value.payload) || !flag(4, allowNone) || !uint32(3, timeoutMs)) return undefined;
      return text(1, topic) ? head(4, call, body.value.payload) : undefined;
    }
    case 'answer':
      return payload(1, body.value.payload) && flag(2, body.value.last)
        ? head(13, call, body.value.payload)
        : undefined;
    case 'took':
      return uint32(1, body.value.cost || undefined) ? head(12, call, none) : undefined;
    case 'cancel':
      return head(11, call, none);
    case 'done':
      return uint32(1, body.value.missed) ? head(14, call, none) : undefined;
    default:
      return undefined;
  }
}

/** All of a daemon's frame but its payload, which is to follow. It is overwritten by the next call. */
export function hotServerHead(call: number, body: ServerBody): Uint8Array | undefined {
  if (!isUint32(call)) return undefined;
  at = scratch.length;
  switch (body.case) {
    case 'answer':
      return payload(1, body.value.payload) && flag(2, body.value.last)
        ? head(3, call, body.value.payload)
        : undefined;
    case 'inbound': {
      const { handle, peer, peerName, service } = body.value;
      if (!payload(5, body.value.payload) || !text(4, service) || !optionalText(3, peerName))
        return undefined;
      return text(2, peer) && uint32(1, handle || undefined) ? head(11, call, body.value.payload) : undefined;
    }
    case 'message': {
      const { topic, from, missed } = body.value;
      if (!payload(3, body.value.payload) || !uint32(4, missed || undefined)) return undefined;
      return text(2, from) && text(1, topic) ? head(10, call, body.value.payload) : undefined;
    }
    case 'sent':
      return uint32(1, body.value.peers || undefined) ? head(6, call, none) : undefined;
    case 'took':
      return uint32(1, body.value.cost || undefined) ? head(13, call, none) : undefined;
    case 'cancel':
      return head(12, call, none);
    case 'done':
      return uint32(1, body.value.missed) ? head(4, call, none) : undefined;
    default:
      return undefined;
  }
}

function isUint32(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value;
}

function varint(value: number): void {
  let size = 1;
  for (let rest = value >>> 7; rest !== 0; rest >>>= 7) size += 1;
  at -= size;
  let rest = value;
  for (let i = 0; i < size - 1; i += 1) {
    scratch[at + i] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  scratch[at + size - 1] = rest;
}

/** Each of these writes one field, or nothing where that is its default; false: this is for protobuf-es. */
function uint32(field: number, value: number | undefined): boolean {
  if (value === undefined) return true;
  if (!isUint32(value)) return false;
  varint(value);
  scratch[--at] = field << 3;
  return true;
}

function flag(field: number, value: boolean | undefined): boolean {
  if (value === undefined || value === false) return true;
  if (value !== true) return false;
  scratch[--at] = 1;
  scratch[--at] = field << 3;
  return true;
}

function text(field: number, value: string | undefined): boolean {
  return value === undefined || value === '' || optionalText(field, value);
}

function optionalText(field: number, value: string | undefined): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'string' || value.length > maxTextUnits || at < 3 * value.length + 64) return false;
  const end = at;
  const start = end - value.length;
  for (let i = 0; i < value.length; i += 1) {
    const unit = value.charCodeAt(i);
    if (unit >= 0x80) return otherText(field, value, end);
    scratch[start + i] = unit;
  }
  at = start;
  return delimited(field, value.length);
}

function otherText(field: number, value: string, end: number): boolean {
  if (!value.isWellFormed()) return false;
  const bytes = Buffer.byteLength(value);
  at = end - bytes;
  scratch.write(value, at, 'utf8');
  return delimited(field, bytes);
}

/** The tag and the length of a payload that will stand at the very end. */
function payload(field: number, value: Uint8Array | undefined): boolean {
  if (value === undefined) return true;
  if (!(value instanceof Uint8Array)) return false;
  return value.length === 0 || delimited(field, value.length);
}

function delimited(field: number, bytes: number): boolean {
  varint(bytes);
  scratch[--at] = (field << 3) | 2;
  return true;
}

/** The body is there: what goes before it. */
function head(field: number, call: number, payload: Uint8Array | undefined): Uint8Array {
  delimited(field, scratch.length - at + (payload?.length ?? 0));
  if (call !== 0) uint32(1, call);
  return scratch.subarray(at);
}
