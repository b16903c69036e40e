import process from 'node:process';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/**
 * Bytes of buffers that count as in use, so that V8 lets others become garbage beside them. A scavenge comes at 128 MiB of
 * young buffers, takes some ms and finds nearly all garbage; it has to come before V8 goes through all of the heap.
 */
const ballastBytes = 128 * 1024 * 1024;

/**
 * By how much the heap, buffers included, may grow before V8 goes through all of it: to three times what was left the
 * last time, so that at least 256 MiB are free for young buffers. What V8 chooses by itself depends on how fast it finds
 * itself: on a busy machine a tenth, and a daemon under payloads of 1 MiB went through its heap ten times a second.
 */
const growingPercent = 200;

/** Where V8 allows itself less than 1 GiB, on a small machine, the ballast is this part of what it allows. */
const ballastShare = 8;

/** Never touched, so that it takes addresses and no memory. */
let ballast: Uint8Array | undefined;

/**
 * Has V8 leave the garbage of large payloads to its small collections; to be called once, early.
 *
 * A payload lies in buffers outside the heap. By default V8 goes through all of the heap, some 30 MiB of modules, for
 * every 64 MiB of those: at 1 MiB a request that was two thirds of a daemon's work, with pauses of 10 to 40 ms. Counted
 * with the heap, buffers may grow with it; and with the ballast it is large from the start. Only V8 13 (Node 24) is known
 * to have the flags, and an unknown one makes a line on stderr.
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
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
}

/** Bytes of buffers that take no memory: of no interest to who asks what this process takes. */
export function untouchedBytes(): number {
  return ballast?.length ?? 0;
}
