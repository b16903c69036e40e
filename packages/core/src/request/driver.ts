import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface';
import type { QueueInfo } from '@peerd/protocol';
import type { Uint8ArrayList } from 'uint8arraylist';
import { listOf } from '../host/bytes.ts';
import type { Host } from '../host/node.ts';
import type { Drivers, Event } from '../server/messages.ts';
import { FrameDecoder } from './decoder.ts';
import { encodeFrames } from './encoder.ts';
import { type Frame, REQUEST_PROTOCOL } from './frames.ts';

/** A peer has one stream of calls to us; more can only come from reconnecting in a hurry. */
const MAX_STREAMS = 8;

/** libp2p may hold this much unsent. A flush writes 256 KiB at most, and none while the stream is full. */
const MAX_WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

const OPEN_TIMEOUT_MS = 10_000;

/** Carries frames: one long-lived stream for each link. */
export class RequestDriver {
  readonly effects: Pick<Drivers, 'request/open-link' | 'request/close-link' | 'request/write'>;
  readonly #host: Host;
  readonly #post: (event: Event) => void;
  readonly #streams = new Map<number, Stream>();
  #lastInbound = 0;
  #refused = 0;

  constructor(host: Host, post: (event: Event) => void) {
    this.#host = host;
    this.#post = post;
    this.effects = {
      'request/open-link': ({ link, connection }) => void this.#open(link, connection),
      'request/close-link': ({ link, reason }) => {
        this.#streams.get(link)?.abort(new Error(reason));
        this.#streams.delete(link);
      },
      'request/write': ({ link, frames }) => this.#write(link, frames),
    };
  }

  async start(): Promise<void> {
    await this.#host.node.handle(
      REQUEST_PROTOCOL,
      (stream, connection) => {
        if (inboundStreams(connection) > MAX_STREAMS) {
          this.#refused += 1;
          stream.abort(new Error(`more than ${MAX_STREAMS} streams of calls on one connection`));
          return;
        }
        if (isEnded(stream)) return stream.abort(new Error(endedEarly));
        this.#lastInbound -= 1;
        const link = this.#lastInbound;
        const peer = connection.remotePeer.toString();
        this.#post({ type: 'request/link-inbound', link, peer, connection: connection.id });
        this.#read(link, stream);
      },
      // One more than are let in, so that it is counted when there are too many: libp2p does not tell.
      { maxInboundStreams: MAX_STREAMS + 1, maxOutboundStreams: MAX_STREAMS },
    );
  }

  get load(): QueueInfo {
    const sizes = [...this.#host.connections.values()].map(inboundStreams);
    const name = 'streams of calls on the busiest connection';
    return { name, unit: 'items', size: Math.max(0, ...sizes), limit: MAX_STREAMS, refused: this.#refused };
  }

  async #open(link: number, id: string): Promise<void> {
    try {
      const connection = this.#host.connections.get(id);
      if (connection === undefined) throw new Error('the connection is gone');
      const stream = await connection.newStream([REQUEST_PROTOCOL], {
        maxOutboundStreams: MAX_STREAMS,
        signal: AbortSignal.timeout(OPEN_TIMEOUT_MS),
      });
      if (isEnded(stream)) {
        stream.abort(new Error(endedEarly));
        throw new Error(endedEarly);
      }
      this.#read(link, stream);
      this.#post({ type: 'request/link-opened', link });
    } catch (error) {
      const { name, message } = error as Error;
      const code = name === 'UnsupportedProtocolError' ? 'incompatible' : 'unreachable';
      this.#post({ type: 'request/link-failed', link, code, message });
    }
  }

  #read(link: number, stream: Stream): void {
    const decoder = new FrameDecoder();
    stream.maxWriteBufferLength = MAX_WRITE_BUFFER_BYTES;
    this.#streams.set(link, stream);
    stream.addEventListener('message', ({ data }: StreamMessageEvent) => {
      const frames: Frame[] = [];
      let broken: Error | undefined;
      let pinnedBytes = 0;
      try {
        for (const chunk of data instanceof Uint8Array ? [data] : (data as Uint8ArrayList)) {
          decoder.push(chunk, frames);
          pinnedBytes = Math.max(pinnedBytes, chunk.buffer.byteLength);
        }
      } catch (error) {
        broken = error as Error;
      }
      if (frames.length > 0)
        this.#post({ type: 'request/frames', link, frames, bytes: data.byteLength, pinnedBytes });
      if (broken === undefined) return;
      this.#break(link, stream, broken.message);
    });
    stream.addEventListener('drain', () => this.#post({ type: 'request/drained', link }));
    // Neither side half-closes the stream itself: its end is the end of all calls on it.
    stream.addEventListener('remoteCloseWrite', () => {
      if (decoder.isWithinFrame) this.#break(link, stream, 'the stream ended within a frame');
      else stream.abort(new Error('the other side closed the stream'));
    });
    stream.addEventListener('close', () => {
      this.#streams.delete(link);
      this.#post({ type: 'request/link-closed', link });
    });
  }

  #break(link: number, stream: Stream, reason: string): void {
    this.#post({ type: 'request/link-broken', link, reason });
    stream.abort(new Error(reason));
  }

  /** All frames of a turn in one write. */
  #write(link: number, frames: readonly Frame[]): void {
    const stream = this.#streams.get(link);
    if (stream === undefined || stream.writeStatus !== 'writable') return;
    try {
      if (!stream.send(listOf(encodeFrames(frames)))) this.#post({ type: 'request/blocked', link });
    } catch (error) {
      stream.abort(error as Error);
    }
  }
}

const endedEarly = 'the other side ended the stream as it was opened';

/** Nobody listened until now, and its end is told once: calls would go onto it for as long as the connection lasts. */
function isEnded({ status, remoteWriteStatus }: Stream): boolean {
  return status !== 'open' || remoteWriteStatus !== 'writable';
}

function inboundStreams({ streams }: Pick<Connection, 'streams'>): number {
  return streams.filter(({ protocol, direction }) => protocol === REQUEST_PROTOCOL && direction === 'inbound')
    .length;
}
