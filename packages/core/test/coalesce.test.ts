import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { describe, expect, test } from 'vitest';
import { coalescing } from '../src/host/coalesce.ts';

type Bytes = Uint8Array | Uint8ArrayList;

/** A connection as an encrypter hands it out, with what has been sent on it. */
async function connect(send: (bytes: Bytes) => boolean) {
  const aborted: string[] = [];
  const connection = {
    send,
    abort: (error: Error) => aborted.push(error.message),
    writableNeedsDrain: false,
  };
  const raw = { send: () => true, close: async () => {} } as unknown as MessageStream;
  const encrypter = {
    secureOutbound: async () => ({ connection }) as unknown as SecuredConnection,
    secureInbound: async () => ({ connection }) as unknown as SecuredConnection,
  } as unknown as ConnectionEncrypter;
  const secured = await coalescing(() => encrypter)({}).secureOutbound(raw);
  return { raw, aborted, send: (...bytes: number[]) => secured.connection.send(Uint8Array.from(bytes)) };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('what is written in one turn', () => {
  test('goes out together at its end, in order', async () => {
    const sent: number[][] = [];
    const connection = await connect((bytes) => sent.push([...bytes.subarray()]) > 0);
    connection.send(1, 2);
    connection.send(3);
    expect(sent).toEqual([]);
    await nextTurn();
    expect(sent).toEqual([[1, 2, 3]]);
  });

  test('goes out before the connection closes', async () => {
    const sent: number[][] = [];
    const connection = await connect((bytes) => sent.push([...bytes.subarray()]) > 0);
    connection.send(7);
    await connection.raw.close();
    expect(sent).toEqual([[7]]);
  });

  test('on a connection that is closing under it ends that connection, and nothing else', async () => {
    const connection = await connect(() => {
      throw new Error('closing');
    });
    connection.send(1);
    await nextTurn();
    expect(connection.aborted).toEqual(['closing']);
  });
});
