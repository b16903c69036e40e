import { type InboundRequest, json, PeerdError, type RequestHandler, text } from '@peerd/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** A client whose every peer answers with a handler. */
function asking(handler: RequestHandler) {
  return {
    async request(peer: string, payload: Uint8Array, options: { service?: string } = {}) {
      const { service = '' } = options;
      const { signal } = new AbortController();
      const request: InboundRequest = { peer, peerName: undefined, service, payload, signal };
      return (await handler(request)) as Uint8Array;
    },
  };
}

const failure = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe('text', () => {
  test('comes back as it was', () => {
    void fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(text.decode(text.encode(value))).toBe(value);
      }),
    );
    expect(text.decode(text.encode('\ufeffwith a mark'))).toBe('\ufeffwith a mark');
  });

  test.each([[[0xff]], [[0xc3]], [[0xed, 0xa0, 0x80]], [[0xc0, 0xaf]]])(
    'is not made of bytes that are not UTF-8: %j',
    (bytes) => {
      expect(failure(() => text.decode(Uint8Array.from(bytes)))).toMatchObject({
        name: 'PeerdError',
        code: 'invalid',
        message: expect.stringContaining('not UTF-8'),
      });
    },
  );

  test('with half of a surrogate pair is not sent as something else', () => {
    expect(failure(() => text.encode('\ud800'))).toMatchObject({ code: 'invalid' });
  });

  test('is asked and answered', async () => {
    const node = asking(text.handler((value, { peer }) => `${peer} heard ${value}`));
    expect(await text.request(node, 'bob', 'hello')).toBe('bob heard hello');
  });

  test('a request that is none is refused with the reason', async () => {
    const node = asking(text.handler((value) => value));
    await expect(node.request('bob', Uint8Array.of(0xff))).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('not UTF-8'),
    });
  });

  test('an answer that is none is invalid', async () => {
    const node = asking(() => Uint8Array.of(0xff));
    await expect(text.request(node, 'bob', 'hello')).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('JSON', () => {
  test('comes back as it was', () => {
    void fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(json.decode(json.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  test.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['a bigint', 1n],
    ['a circle', circle],
  ])('has no form for %s', (_, value) => {
    expect(failure(() => json.encode(value))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('no form in JSON'),
    });
  });

  test.each(['', '{', 'undefined', "{'a': 1}"])('is not %j', (bytes) => {
    expect(failure(() => json.decode(text.encode(bytes)))).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('not JSON'),
    });
  });

  test('is asked and answered, with the options of a request', async () => {
    const add = json.handler(({ a, b }: { a: number; b: number }, { service }) => ({ service, sum: a + b }));
    const answer = json.request<{ sum: number }>(asking(add), 'bob', { a: 1, b: 2 }, { service: 'add' });
    expect(await answer).toEqual({ service: 'add', sum: 3 });
  });

  test('a handler that returns nothing answers with null', async () => {
    const node = asking(json.handler(async () => {}));
    expect(await json.request(node, 'bob', 'x')).toBeNull();
  });

  test('a request that is none is refused with the reason, and the handler is not asked', async () => {
    let asked = 0;
    const node = asking(
      json.handler(() => {
        asked += 1;
      }),
    );
    const outcome = node.request('bob', text.encode('{"a":'));
    await expect(outcome).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('not JSON'),
    });
    expect(asked).toBe(0);
  });

  test("a handler's own refusal is its own", async () => {
    const node = asking(
      json.handler(() => {
        throw new PeerdError('refused', 'not on a Sunday');
      }),
    );
    await expect(json.request(node, 'bob', 1)).rejects.toThrow('not on a Sunday');
  });
});
