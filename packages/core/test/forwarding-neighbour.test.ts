import { expect, test } from 'vitest';
import { MAX_PAIRS_PER_NEIGHBOUR, Neighbour } from '../src/forwarding/neighbour.ts';

test('a source that has filled the pairs of a neighbour takes none of the places of another source', () => {
  const neighbour = new Neighbour(true, true, 0);
  const admit = (source: string, i: number) =>
    neighbour.admit(`${source} ${i}`, { source, destination: `${i}`, lastMs: 0 });
  for (let i = 0; i < MAX_PAIRS_PER_NEIGHBOUR; i += 1) expect(admit('mallory', i)).toBe(true);
  expect(admit('mallory', MAX_PAIRS_PER_NEIGHBOUR)).toBe(false);
  for (let i = 0; i < MAX_PAIRS_PER_NEIGHBOUR / 2; i += 1) expect(admit('alice', i)).toBe(true);
  expect(neighbour.pairs.size).toBe(MAX_PAIRS_PER_NEIGHBOUR);
  for (let i = 0; i < 10; i += 1) expect(admit('mallory', -i)).toBe(false);
  for (let i = 0; i < 10; i += 1) expect(neighbour.pairs.has(`alice ${i}`)).toBe(true);
  neighbour.forgetSilent(100_000);
  expect(neighbour.pairs.size).toBe(0);
});
