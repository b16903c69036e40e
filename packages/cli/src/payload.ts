import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { usage } from './context.ts';

/** No daemon takes more; it is the daemon's limit that counts, this one only keeps memory bounded. */
const maxStdinBytes = 64 * 1024 * 1024;

/** The payload of a command: its DATA argument, or standard input for `-` or none. */
export async function readPayload(data: string | undefined): Promise<Uint8Array> {
  if (data !== undefined && data !== '-') return Buffer.from(data);
  if (data === undefined && process.stdin.isTTY)
    throw usage("no DATA: give it as an argument ('' for none at all), or pipe it in");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxStdinBytes)
      throw new PeerdError('too-large', `standard input is over ${maxStdinBytes} bytes: nothing was sent`);
  }
  return Buffer.concat(chunks, size);
}
