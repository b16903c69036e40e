import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/**
 * Bytes of buffers that may become garbage before V8 goes through all of the heap. By then a scavenge, which comes at 32
 * to 64 MiB of young buffers and takes some ms, has found nearly all of them.
 */
const ballastBytes = 128 * 1024 * 1024;

/** Never touched, so that it takes addresses and no memory. */
let ballast: Uint8Array | undefined;

/**
 * Has V8 leave the garbage of large payloads to its small collections; to be called once, early.
 *
 * A payload lies in buffers outside the heap. By default V8 goes through all of the heap, some 30 MiB of modules, for
 * every 64 MiB of those: at 1 MiB a request that was two thirds of a daemon's work, with pauses of 10 to 40 ms. Counted
 * with the heap, buffers may grow with it; and with the ballast it is large from the start. Only V8 13 (Node 24) is known
 * to have the flag, and an unknown one makes a line on stderr.
 */
export function leaveBuffersToScavenges(): void {
  if (ballast !== undefined || !process.versions.v8.startsWith('13.')) return;
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  ballast = Buffer.allocUnsafeSlow(ballastBytes);
}

/** Bytes of buffers that take no memory: of no interest to who asks what this process takes. */
export function untouchedBytes(): number {
  return ballast?.length ?? 0;
}
