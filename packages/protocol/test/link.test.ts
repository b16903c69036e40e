import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Link, type LinkEvents } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const quiet: LinkEvents = { frame() {}, invalid() {}, ended() {}, closed() {} };

describe('short frames that are sent over a link', () => {
  let server: Server;
  let sending: Socket;
  let receiving: Socket;
  let link: Link;
  /** What the socket was given to write, once for each call to the system: the bytes of it. */
  let writes: number[];
  let received: string[];
  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    sending = connect((server.address() as AddressInfo).port, '127.0.0.1');
    [[receiving]] = (await Promise.all([once(server, 'connection'), once(sending, 'connect')])) as [
      [Socket],
      unknown,
    ];
    writes = [];
    const { _write: write, _writev: writev } = sending;
    vi.spyOn(sending, '_write').mockImplementation((chunk: Uint8Array, encoding, done) => {
      writes.push(chunk.length);
      write.call(sending, chunk, encoding, done);
    });
    vi.spyOn(sending as Required<Socket>, '_writev').mockImplementation((chunks, done) => {
      writes.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
      writev?.call(sending, chunks, done);
    });
    link = Link.over(sending, quiet);
    received = [];
    const take = (bytes: Uint8Array, start: number, end: number) =>
      received.push(Buffer.from(bytes.subarray(start, end)).toString());
    Link.over(receiving, { ...quiet, frame: take });
  });
  afterEach(async () => {
    link.destroy();
    receiving.destroy();
    server.close();
    await once(server, 'close');
  });

  /** Sends so many frames in this turn; returns what has to arrive. */
  function send(count: number, bytes: number): string[] {
    return Array.from({ length: count }, (_, index) => {
      const payload = Buffer.alloc(bytes, `${index} `);
      link.send(index, Buffer.from('head '), payload);
      return `head ${payload}`;
    });
  }
  const arrived = (count: number) => vi.waitUntil(() => received.length >= count, { timeout: 10_000 });

  test.each([
    ['that fit into one buffer', 30],
    ['that fill several', 1_000],
  ])('in one turn of the event loop, %s, are one write, and arrive whole and in order', async (_, bytes) => {
    const sent = send(100, bytes);
    expect(writes).toEqual([]);
    await arrived(100);
    expect(received).toEqual(sent);
    expect(writes).toEqual([100 * (4 + 5 + bytes)]);
  });

  test('in another turn are another write', async () => {
    const first = send(100, 30);
    await arrived(100);
    const second = send(100, 30);
    await arrived(200);
    expect(received).toEqual([...first, ...second]);
    expect(writes).toHaveLength(2);
  });
});
