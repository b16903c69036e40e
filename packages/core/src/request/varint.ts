/** Unsigned LEB128 of integers up to 2^53 - 1, as libp2p and protobuf use it. */

/** Longest encoding of a safe integer, in bytes. */
export const MAX_VARINT_BYTES = 8;

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

/** Writes at `at` and returns the position after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest > 0x7fffffff) {
    target[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    target[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}
