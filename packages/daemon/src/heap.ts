import process from 'node:process';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/**
 * Bytes of buffers that may be garbage before V8 goes through all of the heap. A scavenge comes at 128 MiB of young ones,
 * takes some ms and finds nearly all; it has to come first. What was held for long only that other collection finds, so
 * this much memory a daemon may take beside what is in flight.
 */
const garbageBytes = 256 * 1024 * 1024;

/**
 * V8 takes growth in percent, and chooses by how fast it finds itself unless it is told: on a busy machine so little that a
 * daemon under payloads of 1 MiB went through its heap ten times a second. With this much beside it, what is in flight
 * changes little of what a percentage comes to.
 */
const ballastBytes = 1024 * 1024 * 1024;

/** Where V8 allows itself less than 4 GiB, on a small machine, the ballast is this part of what it allows. */
const ballastShare = 4;

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
  setFlagsFromString(`--heap-growing-percent=${Math.ceil((100 * garbageBytes) / bytes)}`);
}

/** Bytes of buffers that take no memory: of no interest to who asks what this process takes. */
export function untouchedBytes(): number {
  return ballast?.length ?? 0;
}
