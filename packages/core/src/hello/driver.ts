import { type MessageStream, messageStream } from '../host/message-stream.ts';
import type { Host } from '../host/node.ts';
import type { Drivers, Event } from '../server/messages.ts';
import { decodeHello, encodeHello, MAX_HELLO_BYTES } from './codec.ts';
import { HELLO_PROTOCOL } from './messages.ts';
import { HELLO_TIMEOUT_MS } from './state.ts';

/** A connection has one handshake; a second stream is somebody's mistake. */
const MAX_STREAMS = 2;

/** What one side of a handshake sends at most: its greeting, its accept, and a refusal instead of either. */
const MAX_MESSAGES = 2;

/** Carries the handshake's messages: one stream per connection, opened by the dialer. */
export class HelloDriver {
  readonly effects: Pick<
    Drivers,
    'hello/open' | 'hello/send' | 'hello/gate' | 'hello/closed' | 'connection/close'
  >;
  readonly #host: Host;
  readonly #post: (event: Event) => void;
  readonly #streams = new Map<string, MessageStream>();

  constructor(host: Host, post: (event: Event) => void) {
    this.#host = host;
    this.#post = post;
    this.effects = {
      'hello/open': ({ connection }) => void this.#open(connection),
      'hello/send': ({ connection, message }) => {
        this.#streams.get(connection)?.send(encodeHello(message));
      },
      'hello/gate': ({ connection, open }) => {
        host.gate.settle(connection, open);
        // The handshake is over: what was sent last still goes out.
        if (open)
          this.#streams
            .get(connection)
            ?.close()
            .catch(() => {});
        // Kept as long as the connection is: a second handshake on it is not answered.
        if (!host.connections.has(connection)) this.#streams.delete(connection);
      },
      'hello/closed': ({ isClosed }) => {
        host.gate.isClosed = isClosed;
      },
      'connection/close': ({ connection, reason }) => void this.#closeConnection(connection, reason),
    };
  }

  async start(): Promise<void> {
    await this.#host.node.handle(
      HELLO_PROTOCOL,
      (stream, connection) => {
        if (this.#streams.has(connection.id)) stream.abort(new Error('a second hello'));
        else this.#read(connection.id, messageStream(stream, MAX_HELLO_BYTES));
      },
      { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS, runOnLimitedConnection: true },
    );
  }

  async #open(id: string): Promise<void> {
    const connection = this.#host.connections.get(id);
    if (connection === undefined) return;
    try {
      const stream = await connection.newStream([HELLO_PROTOCOL], {
        maxOutboundStreams: MAX_STREAMS,
        runOnLimitedConnection: true,
        signal: AbortSignal.timeout(HELLO_TIMEOUT_MS),
      });
      this.#read(id, messageStream(stream, MAX_HELLO_BYTES));
      this.#post({ type: 'hello/opened', connection: id });
    } catch (error) {
      if ((error as Error).name === 'UnsupportedProtocolError')
        this.#post({ type: 'hello/unsupported', connection: id });
      else this.#post({ type: 'hello/failed', connection: id, message: (error as Error).message });
    }
  }

  #read(connection: string, stream: MessageStream): void {
    this.#streams.set(connection, stream);
    let messages = 0;
    stream.onMessage = (bytes) => {
      messages += 1;
      try {
        if (messages > MAX_MESSAGES) throw new Error('more messages than a handshake has');
        this.#post({ type: 'hello/message', connection, message: decodeHello(bytes) });
      } catch (error) {
        // Nothing more is read of it: a stranger must not be able to fill the inbox.
        stream.onMessage = () => {};
        stream.abort(error as Error);
        this.#post({ type: 'hello/failed', connection, message: (error as Error).message });
      }
    };
    stream.onClose = (error) => {
      const message = error?.message ?? 'the stream closed early';
      this.#post({ type: 'hello/failed', connection, message });
    };
  }

  /** Lets what was sent go out first: a refusal should be read. */
  async #closeConnection(id: string, reason: string): Promise<void> {
    const connection = this.#host.connections.get(id);
    const stream = this.#streams.get(id);
    if (stream !== undefined) stream.onMessage = () => {};
    try {
      await stream?.close();
      await connection?.close();
    } catch {
      connection?.abort(new Error(reason));
    }
  }
}
