import { errorCodes, PeerdError } from '@peerd/protocol';
import {
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  errorOf,
  faultOf,
} from '@peerd/protocol/control';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('control messages', () => {
  test('a request comes out as it went in', () => {
    const request = fc.record({
      peer: fc.string({ unit: 'grapheme' }),
      service: fc.string({ unit: 'grapheme' }),
      payload: fc.uint8Array(),
      timeoutMs: fc.nat(),
      stream: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), request, (call, value) => {
        const frame = decodeClientFrame(encodeClientFrame(call, { case: 'request', value }));
        expect(frame.call).toBe(call);
        expect(frame.body).toMatchObject({ case: 'request', value });
      }),
    );
  });

  test('random bytes give a frame or the error invalid, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeClientFrame, decodeServerFrame])
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(PeerdError);
            expect((error as PeerdError).code).toBe('invalid');
          }
      }),
    );
  });

  test.each(errorCodes)('the error %s keeps its code, text and candidates', (code) => {
    const error = new PeerdError(code, 'what happened', { candidates: ['one', 'two'] });
    const bytes = encodeServerFrame(7, { case: 'fault', value: faultOf(error) });
    const { body } = decodeServerFrame(bytes);
    const received = errorOf(body.case === 'fault' ? body.value : expect.unreachable());
    expect(received).toMatchObject({ code, message: 'what happened', candidates: ['one', 'two'] });
  });

  test('an error code from the future becomes internal and stays readable', () => {
    const frame = encodeServerFrame(7, { case: 'fault', value: { code: 'too-purple', message: 'no' } });
    const { body } = decodeServerFrame(frame);
    const error = errorOf(body.case === 'fault' ? body.value : expect.unreachable());
    expect(error.code).toBe('internal');
    expect(error.message).toContain('too-purple');
  });
});
