import process from 'node:process';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/**
 * V8 goes through all of the heap when that has grown by a tenth or more since the last time, and takes a tenth where it has
 * found little. A tenth of this has to be more than the 32 to 64 MiB of young buffers at which a scavenge comes, which
 * takes some ms and finds nearly all garbage. With a quarter of it one daemon in ten went through its heap ten times a
 * second under payloads of 1 MiB, and was a third slower.
 */
const ballastBytes = 512 * 1024 * 1024;

/** Where V8 allows itself less than 4 GiB, on a small machine: this part of what it allows. */
const ballastShare = 8;

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
  const bytes = Math.min(ballastBytes, Math.floor(getHeapStatistics().heap_size_limit / ballastShare));
  try {
    ballast = Buffer.allocUnsafeSlow(bytes);
  } catch {
    // The system promises no memory that it does not have: V8 does what it does by default.
    return;
  }
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}

/** Bytes of buffers that take no memory: of no interest to who asks what this process takes. */
export function untouchedBytes(): number {
  return ballast?.length ?? 0;
}
