/**
 * sfc32 (Chris Doty-Humphrey's Small Fast Counter, 128 bits of state): for jitter and choices that a replay
 * must make again. Not for secrets; those come with the events.
 */
export function seededRandom(seed: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = seed;
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first outputs still show the seed.
  for (let i = 0; i < 12; i += 1) next();
  return next;
}
