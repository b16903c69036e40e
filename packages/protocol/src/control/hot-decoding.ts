import { TextDecoding } from '../texts.ts';
import type { ClientFrame, ServerFrame } from './frames.ts';

/**
 * The counterpart of `hot-encoding.ts`. It reads only what a peer that speaks this version writes: of anything else
 * (a field it does not know, a body that comes in two parts, an integer of ten bytes, text that is no UTF-8) it
 * says `undefined`, and protobuf-es is asked.
 */

const texts = new TextDecoding();
const none: Uint8Array = new Uint8Array(0);

let bytes: Uint8Array = none;
let at = 0;
let end = 0;
/** Whether all so far was what is read here. */
let isKnown = true;

/** Both bodies have their fields numbered below 16: a tag is one byte. */
function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

const callTag = tagOf(1, 0);

export function hotClientFrame(frame: Uint8Array, from: number, to: number): ClientFrame | undefined {
  const call = begin(frame, from, to);
  let body: ClientFrame['body'];
  switch (bodyTag()) {
    case tagOf(3, 2):
      body = { case: 'request', value: request() };
      break;
    case tagOf(4, 2):
      body = { case: 'broadcast', value: broadcast() };
      break;
    case tagOf(11, 2):
      body = { case: 'cancel', value: empty() };
      break;
    case tagOf(12, 2):
      body = { case: 'took', value: { cost: onlyUint32() } };
      break;
    case tagOf(13, 2):
      body = { case: 'answer', value: answer() };
      break;
    case tagOf(14, 2):
      body = { case: 'done', value: done() };
      break;
    default:
      return undefined;
  }
  return isKnown ? { call, body } : undefined;
}

export function hotServerFrame(frame: Uint8Array, from: number, to: number): ServerFrame | undefined {
  const call = begin(frame, from, to);
  let body: ServerFrame['body'];
  switch (bodyTag()) {
    case tagOf(3, 2):
      body = { case: 'answer', value: answer() };
      break;
    case tagOf(4, 2):
      body = { case: 'done', value: done() };
      break;
    case tagOf(6, 2):
      body = { case: 'sent', value: { peers: onlyUint32() } };
      break;
    case tagOf(10, 2):
      body = { case: 'message', value: message() };
      break;
    case tagOf(11, 2):
      body = { case: 'inbound', value: inbound() };
      break;
    case tagOf(12, 2):
      body = { case: 'cancel', value: empty() };
      break;
    case tagOf(13, 2):
      body = { case: 'took', value: { cost: onlyUint32() } };
      break;
    default:
      return undefined;
  }
  return isKnown ? { call, body } : undefined;
}

type Value<Frame extends { body: unknown }, Case> = Extract<
  Frame['body'],
  { case: Case; value: object }
>['value'];

function request(): Value<ClientFrame, 'request'> {
  let peer = '';
  let service = '';
  let payload = none;
  let timeoutMs: number | undefined;
  let stream = false;
  let idempotent = false;
  let wantPath = false;
  while (at < end && isKnown)
    switch (bytes[at++]) {
      case tagOf(1, 2):
        peer = text();
        break;
      case tagOf(2, 2):
        service = text();
        break;
      case tagOf(3, 2):
        payload = data();
        break;
      case tagOf(4, 0):
        timeoutMs = uint32();
        break;
      case tagOf(5, 0):
        stream = flag();
        break;
      case tagOf(6, 0):
        idempotent = flag();
        break;
      case tagOf(7, 0):
        wantPath = flag();
        break;
      default:
        isKnown = false;
    }
  return { peer, service, payload, timeoutMs, stream, idempotent, wantPath };
}

function broadcast(): Value<ClientFrame, 'broadcast'> {
  let topic = '';
  let payload = none;
  let timeoutMs: number | undefined;
  let allowNone = false;
  while (at < end && isKnown)
    switch (bytes[at++]) {
      case tagOf(1, 2):
        topic = text();
        break;
      case tagOf(2, 2):
        payload = data();
        break;
      case tagOf(3, 0):
        timeoutMs = uint32();
        break;
      case tagOf(4, 0):
        allowNone = flag();
        break;
      default:
        isKnown = false;
    }
  return { topic, payload, timeoutMs, allowNone };
}

function answer(): Value<ServerFrame, 'answer'> {
  let payload = none;
  let last = false;
  while (at < end && isKnown)
    switch (bytes[at++]) {
      case tagOf(1, 2):
        payload = data();
        break;
      case tagOf(2, 0):
        last = flag();
        break;
      default:
        isKnown = false;
    }
  return { payload, last };
}

function inbound(): Value<ServerFrame, 'inbound'> {
  let handle = 0;
  let peer = '';
  let peerName: string | undefined;
  let service = '';
  let payload = none;
  while (at < end && isKnown)
    switch (bytes[at++]) {
      case tagOf(1, 0):
        handle = uint32();
        break;
      case tagOf(2, 2):
        peer = text();
        break;
      case tagOf(3, 2):
        peerName = text();
        break;
      case tagOf(4, 2):
        service = text();
        break;
      case tagOf(5, 2):
        payload = data();
        break;
      default:
        isKnown = false;
    }
  return { handle, peer, peerName, service, payload };
}

function message(): Value<ServerFrame, 'message'> {
  let topic = '';
  let from = '';
  let payload = none;
  let missed = 0;
  while (at < end && isKnown)
    switch (bytes[at++]) {
      case tagOf(1, 2):
        topic = text();
        break;
      case tagOf(2, 2):
        from = text();
        break;
      case tagOf(3, 2):
        payload = data();
        break;
      case tagOf(4, 0):
        missed = uint32();
        break;
      default:
        isKnown = false;
    }
  return { topic, from, payload, missed };
}

/** A body whose one field is an integer. */
function onlyUint32(): number {
  let value = 0;
  while (at < end && isKnown)
    if (bytes[at++] === callTag) value = uint32();
    else isKnown = false;
  return value;
}

function done(): Value<ServerFrame, 'done'> {
  return at === end ? {} : { missed: onlyUint32() };
}

function empty(): Record<string, never> {
  if (at !== end) isKnown = false;
  return {};
}

/** The call id, which goes first; 0, its default, is not written. */
function begin(frame: Uint8Array, from: number, to: number): number {
  bytes = frame;
  at = from;
  end = to;
  isKnown = true;
  if (at === end || bytes[at] !== callTag) return 0;
  at += 1;
  return uint32();
}

/** The tag of a body that takes up all the rest of the frame; 0 for anything else. */
function bodyTag(): number {
  if (at >= end || !isKnown) return 0;
  const tag = bytes[at++] as number;
  return uint32() === end - at && isKnown ? tag : 0;
}

function uint32(): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (at >= end) break;
    const byte = bytes[at++] as number;
    if (shift === 28 && byte > 0x0f) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
  isKnown = false;
  return 0;
}

function flag(): boolean {
  const value = uint32();
  if (value > 1) isKnown = false;
  return value === 1;
}

/** Goes past a length and what it counts; returns where that begins. */
function skip(): number {
  const length = uint32();
  const start = at;
  if (length > end - at) isKnown = false;
  else at += length;
  return start;
}

function data(): Uint8Array {
  const start = skip();
  return isKnown ? bytes.subarray(start, at) : none;
}

function text(): string {
  const start = skip();
  const value = isKnown ? texts.decode(bytes, start, at) : undefined;
  if (value === undefined) isKnown = false;
  return value ?? '';
}
