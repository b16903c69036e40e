import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8 count buffers with the rest of the heap when it decides whether to collect garbage; to be called once, early.
 *
 * A payload lies in buffers outside the heap. By default V8 goes through all of the heap, some 30 MiB of modules, for
 * every 64 MiB of those: at 1 MiB a request that was more work than all else, and pauses of 10 to 40 ms. Only V8 13 (Node
 * 24) is known to have the flag, and an unknown one makes a line on stderr.
 */
export function countBuffersWithHeap(): void {
  if (process.versions.v8.startsWith('13.'))
    setFlagsFromString('--external-memory-accounted-in-global-limit');
}
