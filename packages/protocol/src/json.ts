import type { InboundRequest, RequestHandler, RequestOptions } from './client.ts';
import { PeerdError } from './errors.ts';
import { type Asking, decoded, text } from './text.ts';

/** Payloads that are JSON, in UTF-8. The types that are named are the program's word: nothing checks them. */
export const json = {
  /** Fails with `invalid` on what has no JSON form: `undefined`, functions, bigints, circles. */
  encode(value: unknown): Uint8Array {
    let encoded: string | undefined;
    try {
      encoded = JSON.stringify(value);
    } catch (cause) {
      throw new PeerdError('invalid', `it has no form in JSON: ${(cause as Error).message}`, { cause });
    }
    if (encoded === undefined)
      throw new PeerdError('invalid', `it has no form in JSON: it is of type ${typeof value}`);
    return text.encode(encoded);
  },

  /** Fails with `invalid` on bytes that are not UTF-8, or not JSON. */
  decode<T = unknown>(payload: Uint8Array): T {
    const value = text.decode(payload);
    try {
      return JSON.parse(value);
    } catch (cause) {
      throw new PeerdError('invalid', `the payload is not JSON: ${(cause as Error).message}`, { cause });
    }
  },

  /**
   * A handler that gets a value and answers with a value, `null` when it returns nothing. A request that is not JSON is
   * refused, with the reason.
   */
  handler<In = unknown, Out = unknown>(
    handle: (value: In, request: InboundRequest) => Out | Promise<Out>,
  ): RequestHandler {
    return async (request) => {
      const value = decoded<In>(json, request);
      return json.encode((await handle(value, request)) ?? null);
    };
  },

  /** `node.request` with a value. Fails as that does, and with `invalid` when the answer is not JSON. */
  async request<T = unknown>(
    node: Asking,
    peer: string,
    value: unknown,
    options?: RequestOptions,
  ): Promise<T> {
    return json.decode<T>(await node.request(peer, json.encode(value), options));
  },
} as const;
