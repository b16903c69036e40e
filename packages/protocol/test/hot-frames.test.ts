import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import {
  decodeClientFrame,
  decodeServerFrame,
  sendClientFrame,
  sendServerFrame,
} from '@peerd/protocol/control';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientFrameSchema, ServerFrameSchema } from '../src/gen/peerd/control/v1/control_pb.ts';

interface Frame {
  call: number;
  body: { case: string; value: object };
}
type Send = (
  sink: { send(call: number, head: Uint8Array, payload: Uint8Array): void },
  call: number,
  body: never,
) => void;

const directions = [
  ['client', ClientFrameSchema, sendClientFrame as Send, decodeClientFrame],
  ['server', ServerFrameSchema, sendServerFrame as Send, decodeServerFrame],
] as const;

/** Any value of a field, its default often among them. */
function fieldOf(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === 'list')
    return fc.array(scalar(field.listKind === 'scalar' ? field.scalar : ScalarType.STRING));
  return field.fieldKind === 'scalar' ? scalar(field.scalar) : fc.constant(undefined);
}

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.UINT32:
      return fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }));
    case ScalarType.STRING:
      return fc.oneof(
        fc.string({ maxLength: 70 }),
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        fc.constantFrom('', 'bob', '12D3KooWNvSZnPi3RrhrTwEY4LuuBeB6K6facKUCJcyWG1aoDd2p', 'x'.repeat(2_000)),
      );
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 300 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case ScalarType.DOUBLE:
      return fc.double();
    default:
      throw new Error(`no values for ${ScalarType[type]}`);
  }
}

function message(schema: DescMessage): fc.Arbitrary<object> {
  const fields = schema.fields.filter(
    (field) => field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar'),
  );
  const record = Object.fromEntries(fields.map((field) => [field.localName, fieldOf(field)]));
  return fc.record(record, { requiredKeys: [] }) as fc.Arbitrary<object>;
}

/** Any frame that the schema allows: a field that is added to it is here by itself. */
function frames(schema: DescMessage): fc.Arbitrary<Frame> {
  const bodies = schema.oneofs[0]?.fields ?? [];
  return fc.oneof(
    ...bodies.map((field) =>
      fc.record({
        call: fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff })),
        body: fc.record({
          case: fc.constant(field.localName),
          value: message((field as DescField & { message: DescMessage }).message),
        }),
      }),
    ),
  );
}

/** Without what protobuf-es adds, and without the difference between a field that is absent and one that is undefined. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([key, field]) => !key.startsWith('$') && field !== undefined);
  return Object.fromEntries(fields.map(([key, field]) => [key, plain(field)]));
}

function sent(send: Send, { call, body }: Frame): Uint8Array {
  const parts: Uint8Array[] = [];
  send({ send: (_, head, payload) => parts.push(Uint8Array.from(head), payload) }, call, body as never);
  return Buffer.concat(parts);
}

describe.each(directions)('frames of a %s that are read and written by hand', (_, schema, send, decode) => {
  const outcome = (read: () => unknown) => {
    try {
      return plain(read());
    } catch {
      return 'failed';
    }
  };

  test('are what protobuf-es reads and writes, both ways', () => {
    fc.assert(
      fc.property(frames(schema), (frame) => {
        const expected = plain(create(schema, frame as never));
        const bytes = sent(send, frame);
        expect(plain(fromBinary(schema, bytes))).toEqual(expected);
        expect(plain(decode(bytes))).toEqual(expected);
        expect(plain(decode(toBinary(schema, create(schema, frame as never))))).toEqual(expected);
        const within = Buffer.concat([Buffer.of(1, 2, 3), bytes, Buffer.of(4)]);
        expect(plain(decode(within, 3, 3 + bytes.length))).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test('are read as protobuf-es reads them when bytes are cut off, changed, put in or said twice', () => {
    const change = fc.record({
      at: fc.nat(),
      byte: fc.integer({ min: 0, max: 255 }),
      kind: fc.constantFrom('cut', 'set', 'put', 'twice'),
    });
    fc.assert(
      fc.property(frames(schema), fc.array(change, { minLength: 1, maxLength: 3 }), (frame, changes) => {
        let bytes: Uint8Array = sent(send, frame);
        for (const { at, byte, kind } of changes) {
          const place = at % (bytes.length + 1);
          const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
          if (kind === 'cut') bytes = before;
          else if (kind === 'set') bytes = Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
          else if (kind === 'put') bytes = Buffer.concat([before, Buffer.of(byte), after]);
          else bytes = Buffer.concat([bytes, bytes]);
        }
        expect(outcome(() => decode(bytes))).toEqual(outcome(() => fromBinary(schema, bytes)));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a request read by hand', () => {
  const request = (...fields: number[]) => Buffer.of(0x08, 7, 0x1a, fields.length, ...fields);
  const peer = [0x0a, 3, 0x62, 0x6f, 0x62];
  const readings: [string, Buffer][] = [
    ['has its fields in any order', request(0x28, 1, 0x1a, 1, 9, ...peer)],
    ['has the last of a field that comes twice', request(...peer, 0x0a, 1, 0x61)],
    ['has integers with bytes that say nothing', request(...peer, 0x20, 0x85, 0x80, 0x00)],
    ['has integers of ten bytes', request(0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ['has a field that is not known', request(...peer, 0x9a, 0x06, 1, 5)],
    ['has text that is no UTF-8', request(0x0a, 2, 0xc3, 0x28)],
    ['has text with a byte order mark', request(0x0a, 4, 0xef, 0xbb, 0xbf, 0x61)],
    ['has a truth of 2', request(0x28, 2)],
    ['has a payload longer than the frame', request(0x1a, 200, 1)],
    ['has a text where an integer belongs', request(0x22, 1, 0x61)],
    ['comes after another body', Buffer.concat([request(...peer), Buffer.of(0x72, 0)])],
    ['comes in two parts', Buffer.concat([request(...peer), request(0x28, 1)])],
    ['comes before its call', Buffer.of(0x1a, 5, ...peer, 0x08, 7)],
    ['comes without a call', Buffer.of(0x1a, 5, ...peer)],
    ['comes with two calls', Buffer.of(0x08, 1, 0x08, 2, 0x1a, 5, ...peer)],
  ];
  test.each(readings)('%s, as protobuf-es has it', (_, bytes) => {
    const read = (decode: () => unknown) => {
      try {
        return plain(decode());
      } catch {
        return 'failed';
      }
    };
    expect(read(() => decodeClientFrame(bytes))).toEqual(read(() => fromBinary(ClientFrameSchema, bytes)));
  });

  test('keeps no text that it was not given: two of the same length and end are told apart', () => {
    const of = (name: string) => request(0x0a, name.length, ...Buffer.from(name));
    for (const name of ['abcd', 'xbcd', 'abcd', 'xbcd'])
      expect(decodeClientFrame(of(name)).body).toMatchObject({ value: { peer: name } });
  });
});

test('what no type allows is refused by the one that writes it', () => {
  const wrong: Frame[] = [
    { call: 1, body: { case: 'request', value: { peer: 'bob', payload: 'text' } } },
    { call: 1, body: { case: 'request', value: { peer: 'bob', timeoutMs: -1 } } },
    { call: -1, body: { case: 'cancel', value: {} } },
    { call: 1, body: { case: 'took', value: { cost: 1.5 } } },
  ];
  for (const frame of wrong) expect(() => sent(sendClientFrame as Send, frame)).toThrow();
});
