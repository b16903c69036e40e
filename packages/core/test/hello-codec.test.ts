import { errorCodes } from '@peerd/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHello, encodeHello, HelloCodecError, MAX_HELLO_BYTES } from '../src/hello/codec.ts';
import type { HelloMessage } from '../src/hello/messages.ts';

const bytes = fc.uint8Array({ maxLength: 80 });
/** What UTF-8 can carry: no lone surrogates. */
const text = fc.string({ maxLength: 60, unit: 'grapheme' });

const message: fc.Arbitrary<HelloMessage> = fc.oneof(
  fc.record({
    type: fc.constant('greeting' as const),
    versions: fc.array(fc.nat(), { maxLength: 5 }),
    network: text,
    name: text,
    features: fc.array(text, { maxLength: 5 }),
    encryptionKey: bytes,
    encryptionKeySignature: bytes,
    nonce: bytes,
    proof: bytes,
    roles: fc.array(text, { maxLength: 5 }),
    routing: text,
  }),
  fc.record({ type: fc.constant('accept' as const), proof: bytes }),
  fc.record({ type: fc.constant('refusal' as const), code: fc.constantFrom(...errorCodes), reason: text }),
);

/** Buffers and arrays of the same bytes are the same. */
const plain = (value: HelloMessage) =>
  JSON.parse(
    JSON.stringify(value, (_, field) =>
      ArrayBuffer.isView(field) ? Buffer.from(field as Uint8Array).toString('hex') : field,
    ),
  );

describe('a message of the handshake', () => {
  test('comes out as it went in', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(plain(decodeHello(encodeHello(sent)))).toEqual(plain(sent));
      }),
    );
  });

  test('that is something else throws nothing but its own error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated()), (bytes) => {
        try {
          decodeHello(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(HelloCodecError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['nothing', Uint8Array.of()],
    ['a field that claims 4 GiB', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['a truncated greeting', encodeHello({ type: 'accept', proof: new Uint8Array(32) }).subarray(0, 20)],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => decodeHello(bytes)).toThrow(HelloCodecError);
  });

  test('with an error code from a later version counts as refused, with its reason, which is cut', () => {
    const sent = {
      type: 'refusal',
      code: 'from-the-future' as 'refused',
      reason: 'x'.repeat(5_000),
    } as const;
    const refusal = decodeHello(encodeHello(sent));
    expect(refusal).toMatchObject({ type: 'refusal', code: 'refused' });
    expect(refusal.type === 'refusal' && refusal.reason.length).toBe(500);
  });

  test('with a refusal of several lines gives one line', () => {
    const reason = 'no\n[15:00:00.000] INFO: daemon: all is well\r\n';
    const refusal = decodeHello(encodeHello({ type: 'refusal', code: 'forbidden', reason }));
    expect(refusal).toMatchObject({ reason: 'no [15:00:00.000] INFO: daemon: all is well\ufffd ' });
  });

  test('with every field at its limit fits the limit of a message', () => {
    const greeting = encodeHello({
      type: 'greeting',
      versions: [2],
      network: '\u{1F980}'.repeat(63),
      name: 'n'.repeat(63),
      features: Array.from({ length: 64 }, () => 'f'.repeat(32)),
      encryptionKey: new Uint8Array(32),
      encryptionKeySignature: new Uint8Array(64),
      nonce: new Uint8Array(32),
      proof: new Uint8Array(32),
      roles: Array.from({ length: 8 }, () => 'r'.repeat(32)),
      routing: 'source',
    });
    expect(greeting.length).toBeLessThan(MAX_HELLO_BYTES);
  });
});

/** A message with one byte changed: gets further into the decoder than random bytes do. */
function mutated(): fc.Arbitrary<Uint8Array> {
  return fc.tuple(message, fc.nat(), fc.nat(255)).map(([sent, at, byte]) => {
    const bytes = Uint8Array.from(encodeHello(sent));
    if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });
}
