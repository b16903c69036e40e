import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Connection } from '@libp2p/interface';
import { byteStream } from '@libp2p/utils';
import type { Host } from './node.ts';

/** The ping protocol echoes 32 bytes: https://github.com/libp2p/specs/blob/master/ping/ping.md */
const PING_PROTOCOL = '/ipfs/ping/1.0.0';
const PING_BYTES = 32;

/**
 * The round trip on one connection, in ms. libp2p's own ping service picks the connection itself, and is what
 * answers at the other end.
 */
export async function pingConnection(host: Host, id: string, timeoutMs: number): Promise<number> {
  const connection = host.connections.get(id);
  if (connection === undefined) throw new Error('the connection is gone');
  const late = new AbortController();
  const { signal } = late;
  const timer = setTimeout(() => void expire(late, timeoutMs), timeoutMs);
  try {
    return await measure(connection, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** When the process stood still, timers run before the sockets are read: what lies there came in time. */
async function expire(late: AbortController, timeoutMs: number): Promise<void> {
  for (let polls = 0; polls < 2; polls += 1) await setImmediate();
  late.abort(new Error(`no answer within ${timeoutMs} ms`));
}

async function measure(connection: Connection, signal: AbortSignal): Promise<number> {
  const stream = await connection.newStream([PING_PROTOCOL], { signal, runOnLimitedConnection: true });
  try {
    const bytes = byteStream(stream);
    const sent = randomBytes(PING_BYTES);
    const startedMs = performance.now();
    await bytes.write(sent, { signal });
    const echoed = await bytes.read({ bytes: PING_BYTES, signal });
    const rttMs = performance.now() - startedMs;
    if (echoed === null || Buffer.compare(sent, echoed.subarray()) !== 0) throw new Error('a wrong echo');
    await stream.close({ signal });
    return rttMs;
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}
