import type { Connection, Stream } from '@libp2p/interface';
import type { Host } from '../host/node.ts';
import { oneMessage, sendMessage } from '../host/one-message.ts';
import type { Drivers, Event } from '../server/messages.ts';

/**
 * tinyp2p's own protocol: one stream per request, each message after its length as an unsigned varint; a
 * stream that ends without an answer means that the request was refused.
 */
const FALLBACK_PROTOCOL = '/tinyp2p/req-resp/1.0.0';

/** Requests of one peer at a time: each has a stream of its own. */
const MAX_INBOUND_STREAMS = 256;

/**
 * Requests on one connection at a time; more wait here. libp2p in JavaScript resets the 33rd inbound stream of
 * a protocol, and the far end may take a moment to let go of one that is done.
 */
const MAX_OUTBOUND_STREAMS = 16;

/** The same with streams that are done and that libp2p has not closed altogether. */
const MAX_LINGERING_STREAMS = 256;

/** How long the two ends of a stream may take over sending a message. */
const MESSAGE_TIMEOUT_MS = 30_000;

/** Speaks tinyp2p's request protocol: served to all, used towards peers that do not know ours. */
export class FallbackDriver {
  readonly effects: Pick<Drivers, 'fallback/send' | 'fallback/cancel' | 'fallback/reply'>;
  readonly #host: Host;
  readonly #post: (event: Event) => void;
  readonly #maxBytes: number;
  readonly #outbound = new Map<number, AbortController>();
  /** Requests that have a stream, and those that wait for one, by connection. */
  readonly #lanes = new Map<string, { streams: number; waiting: (() => void)[] }>();
  readonly #inbound = new Map<number, Stream>();
  #lastInbound = 0;

  constructor(host: Host, post: (event: Event) => void, maxBytes: number) {
    this.#host = host;
    this.#post = post;
    this.#maxBytes = maxBytes;
    this.effects = {
      'fallback/send': ({ ref, connection, payload }) => void this.#ask(ref, connection, payload),
      'fallback/cancel': ({ ref }) => this.#outbound.get(ref)?.abort(new Error('the call was cancelled')),
      'fallback/reply': ({ key, payload }) => void this.#reply(key, payload),
    };
  }

  async start(): Promise<void> {
    await this.#host.node.handle(FALLBACK_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: MAX_INBOUND_STREAMS,
      maxOutboundStreams: MAX_LINGERING_STREAMS,
    });
  }

  async #ask(ref: number, id: string, payload: Uint8Array): Promise<void> {
    const cancelled = new AbortController();
    this.#outbound.set(ref, cancelled);
    let stream: Stream | undefined;
    await this.#enter(id);
    try {
      cancelled.signal.throwIfAborted();
      const connection = this.#host.connections.get(id);
      if (connection === undefined) throw new Error('the connection is gone');
      const options = { maxOutboundStreams: MAX_LINGERING_STREAMS, signal: cancelled.signal };
      stream = await connection.newStream([FALLBACK_PROTOCOL], options);
      // Listening starts before the request goes out: an answer can't come too early.
      const answer = oneMessage(stream, this.#maxBytes, cancelled.signal);
      await sendMessage(stream, payload, cancelled.signal);
      const answered = await answer;
      if (answered === undefined)
        this.#post({
          type: 'fallback/failed',
          ref,
          code: 'refused',
          message: 'the peer refused, without a reason',
        });
      else this.#post({ type: 'fallback/answered', ref, payload: answered });
    } catch (error) {
      stream?.abort(error as Error);
      const { name, message } = error as Error;
      const code =
        name === 'UnsupportedProtocolError'
          ? 'incompatible'
          : name === 'InvalidDataLengthError'
            ? 'too-large'
            : 'disconnected';
      const text = code === 'incompatible' ? 'the peer speaks no request protocol that we do' : message;
      this.#post({ type: 'fallback/failed', ref, code, message: text });
    } finally {
      this.#outbound.delete(ref);
      this.#leave(id);
    }
  }

  /** Waits for one of the connection's streams. */
  async #enter(connection: string): Promise<void> {
    const lane = this.#lanes.get(connection) ?? { streams: 0, waiting: [] };
    this.#lanes.set(connection, lane);
    if (lane.streams < MAX_OUTBOUND_STREAMS) lane.streams += 1;
    else await new Promise<void>((resolve) => lane.waiting.push(resolve));
  }

  /** Hands the stream's place to the next. */
  #leave(connection: string): void {
    const lane = this.#lanes.get(connection);
    if (lane === undefined) return;
    const next = lane.waiting.shift();
    if (next !== undefined) return next();
    lane.streams -= 1;
    if (lane.streams === 0) this.#lanes.delete(connection);
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    this.#lastInbound -= 1;
    const key = this.#lastInbound;
    const request = await oneMessage(stream, this.#maxBytes, AbortSignal.timeout(MESSAGE_TIMEOUT_MS));
    if (request === undefined) return await stream.close();
    // Its end may have come with the request, before anybody listened: nobody would call it off.
    if (stream.status !== 'open') return;
    this.#inbound.set(key, stream);
    stream.addEventListener('close', () => {
      if (this.#inbound.delete(key)) this.#post({ type: 'fallback/closed', key });
    });
    this.#post({ type: 'fallback/inbound', key, peer: connection.remotePeer.toString(), payload: request });
  }

  async #reply(key: number, payload: Uint8Array | undefined): Promise<void> {
    const stream = this.#inbound.get(key);
    if (stream === undefined) return;
    this.#inbound.delete(key);
    const signal = AbortSignal.timeout(MESSAGE_TIMEOUT_MS);
    try {
      if (payload === undefined) await stream.close({ signal });
      else await sendMessage(stream, payload, signal);
    } catch (error) {
      stream.abort(error as Error);
    }
  }
}
