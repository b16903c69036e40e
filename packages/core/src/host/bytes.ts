import { Uint8ArrayList } from 'uint8arraylist';

/** Buffers as what libp2p takes: itself if it is one, else a list without copying. */
export function listOf(buffers: readonly Uint8Array[]): Uint8Array | Uint8ArrayList {
  const [only, second] = buffers;
  return only !== undefined && second === undefined ? only : new Uint8ArrayList(...buffers);
}
