import { hkdfSync } from 'node:crypto';

const SEED_BYTES = 32;

/** HKDF-SHA256 gives at most 255 hashes; one of them is the next state. */
const LONGEST_OUTPUT = 254 * SEED_BYTES;

/**
 * All that must be random to others, from one seed: the same seed gives the same bytes, so that a recorded run can be
 * replayed. What was given out can't be worked out from the state that is left, so who steals it learns nothing of keys
 * before (HKDF-SHA256, RFC 5869, whose first 32 bytes replace the state).
 */
export class Entropy {
  readonly #state: Uint8Array;

  /** `seed`: 32 random bytes. */
  constructor(seed: Uint8Array) {
    if (seed.length !== SEED_BYTES)
      throw new RangeError(`a seed of ${seed.length} bytes: expected ${SEED_BYTES}`);
    this.#state = seed.slice();
  }

  /** At most 8,128 at a time. */
  bytes(length: number): Uint8Array {
    if (length > LONGEST_OUTPUT)
      throw new RangeError(`${length} random bytes at a time: at most ${LONGEST_OUTPUT}`);
    const output = new Uint8Array(
      hkdfSync('sha256', this.#state, '', 'peerd entropy 1', SEED_BYTES + length),
    );
    this.#state.set(output.subarray(0, SEED_BYTES));
    const bytes = output.slice(SEED_BYTES);
    output.fill(0);
    return bytes;
  }
}
