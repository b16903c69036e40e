import type { Client, InboundRequest, RequestHandler, RequestOptions } from './client.ts';
import { PeerdError } from './errors.ts';

// A byte order mark is a character like any other: what was encoded comes back as it was.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Payloads that are text: UTF-8, and nothing that is almost UTF-8. */
export const text = {
  /** Fails with `invalid` on half of a surrogate pair, which UTF-8 has no bytes for. */
  encode(value: string): Uint8Array {
    if (typeof value === 'string' && value.isWellFormed()) return encoder.encode(value);
    throw new PeerdError(
      'invalid',
      'it has no form in UTF-8: it is no text, or has half of a surrogate pair',
    );
  },

  /** Fails with `invalid` on bytes that are not UTF-8. */
  decode(payload: Uint8Array): string {
    try {
      return decoder.decode(payload);
    } catch (cause) {
      throw new PeerdError('invalid', `the payload of ${payload.length} bytes is not UTF-8 text`, { cause });
    }
  },

  /** A handler that gets text and answers with text. A request that is none is refused. */
  handler(handle: (value: string, request: InboundRequest) => string | Promise<string>): RequestHandler {
    return async (request) => text.encode(await handle(decoded(text, request), request));
  },

  /** `node.request` with text. Fails as that does, and with `invalid` when the answer is no text. */
  async request(node: Asking, peer: string, value: string, options?: RequestOptions): Promise<string> {
    return text.decode(await node.request(peer, text.encode(value), options));
  },
} as const;

/** What a request needs of a client. */
export type Asking = Pick<Client, 'request'>;

/** What is in a request. What its sender did wrong is said to the sender. */
export function decoded<T>(codec: { decode(payload: Uint8Array): T }, { payload }: InboundRequest): T {
  try {
    return codec.decode(payload);
  } catch (cause) {
    throw new PeerdError('refused', `the request can't be read: ${(cause as Error).message}`, { cause });
  }
}
