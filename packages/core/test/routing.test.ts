import { describe, expect, test } from 'vitest';
import {
  brokenPairs,
  isConverged,
  loops,
  networkOfRouters,
  type RouterNetwork,
  type RouterOptions,
  walk,
} from '../src/simulation/router.ts';
import { disturb, linkAtRandom } from './support/unrest.ts';

/** Networks drawn at random for each strategy. */
const seeds = Array.from({ length: Number(process.env.SEEDS ?? 1_000) }, (_, i) => i + 1);

/** The seed's six. */
const six: Record<string, string[]> = {
  '0': ['4', '1', '2'],
  '1': ['0', '3', '4'],
  '2': ['0', '3', '5'],
  '3': ['1', '2', '5'],
  '4': ['1', '0'],
  '5': ['2', '3'],
};

/**
 * How long after a change, in ms, all who are connected can send each other something again. What takes longest is a link
 * that carries one way only: it is known for one when nothing has been heard over it for 9 s.
 */
const RECOVERY_MS = 12_000;

/** The same where a tenth of all messages gets lost: what is lost is sent again after a second. */
const RECOVERY_WITH_LOSS_MS = 30_000;

/**
 * A network with links cut and brought back, and nodes that crash and restart: all recovers, and nothing goes round, by the
 * table at no moment. By source it can't: there a message carries its path.
 */
function liveThrough(seed: number, options: RouterOptions): void {
  const ids = Array.from({ length: 8 }, (_, i) => `n${i}`);
  const isLossy = seed % 3 === 0;
  const weather = isLossy ? { loss: 0.1, duplication: 0.1, reordering: true } : {};
  const network = networkOfRouters(seed, ids, weather, options);
  const check = () => {
    const { actors, nowMs } = network;
    const next = (node: string, destination: string) => actors.get(node)?.strategy.next(destination);
    if (options.strategy === 'table') expect(loops(ids, next), `at ${nowMs} ms`).toEqual([]);
    return false;
  };
  linkAtRandom(network, ids, 5);
  for (let step = 1; step <= 25; step += 1) {
    disturb(network, ids);
    network.run(network.random() * 2_000, check);
    if (step % 5 > 0) continue;
    const untilMs = network.nowMs + (isLossy ? RECOVERY_WITH_LOSS_MS : RECOVERY_MS);
    while (network.nowMs < untilMs && brokenPairs(network).length > 0) network.run(200, check);
    expect(brokenPairs(network), `at ${network.nowMs} ms can't talk`).toEqual([]);
  }
}

/** Ways that are tried before somebody counts as lost. */
const ATTEMPTS = 30;

/** Pairs of these nodes that are connected by links between them. */
function pairsWithin(network: RouterNetwork, others: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (const from of others) {
    const reached = new Set([from]);
    for (const at of reached) for (const next of others) if (network.isLinked(at, next)) reached.add(next);
    for (const to of reached) if (to !== from) pairs.push([from, to]);
  }
  return pairs;
}

describe.each(['table', 'source'] as const)('routing by %s', (strategy) => {
  const sixOf = (seed: number): RouterNetwork => {
    const network = networkOfRouters(seed, Object.keys(six), {}, { strategy });
    for (const [a, others] of Object.entries(six)) for (const b of others) network.link(a, b);
    return network;
  };

  test('finds the shortest ways in the network of the seed, and another when a link on the way is cut', () => {
    const network = sixOf(1);
    expect(network.run(15_000, () => isConverged(network))).toBe(true);
    const path = walk(network, '4', '5') as string[];
    expect(path).toHaveLength(4);
    network.cut(path[1] as string, path[2] as string);
    expect(network.run(15_000, () => isConverged(network))).toBe(true);
    const other = walk(network, '4', '5') as string[];
    expect(other).toHaveLength(4);
    expect(other).not.toEqual(path);
  });

  test('has the same trace with the same seed, and another with another', () => {
    const digestOf = (seed: number) => {
      const network = sixOf(seed);
      network.run(20_000);
      return network.digest;
    };
    expect(digestOf(7)).toBe(digestOf(7));
    expect(digestOf(7)).not.toBe(digestOf(8));
  });

  test('comes to an end with more destinations than there are rows in an exchange', () => {
    const ids = Array.from({ length: 100 }, (_, i) => `n${i}`);
    const network = networkOfRouters(1, ids, {}, { strategy });
    for (let i = 0; i < ids.length; i += 1)
      for (const step of [1, 11, 37]) network.link(ids[i] as string, ids[(i + step) % ids.length] as string);
    network.run(2_000);
    expect(isConverged(network)).toBe(true);
  }, 30_000);

  test.each(seeds)('lives through cuts, crashes and restarts: seed %i', (seed) => {
    liveThrough(seed, { strategy });
  });

  test.each([
    ['forwarded nothing, and said so', { forwards: false }],
    ['dropped everything, and told nobody', { drops: true }],
  ])('would not live through them if nodes %s', (_, options) => {
    expect(() => liveThrough(1, { strategy, ...options })).toThrow("can't talk");
  });

  test('has ways around a forwarder that drops everything, where there are any', () => {
    let affected = 0;
    let lost = 0;
    for (let seed = 1; seed <= 30; seed += 1) {
      const ids = Array.from({ length: 10 }, (_, i) => `n${i}`);
      const network = networkOfRouters(seed, ids, {}, { strategy });
      linkAtRandom(network, ids, 8);
      network.run(5_000);
      const [hole = '', ...others] = ids;
      network.actor(hole).drops = true;
      const isLost = (from: string, to: string, attempts: number) =>
        !Array.from({ length: attempts }, (_, i) => walk(network, from, to, i)).some(Array.isArray);
      for (const [from, to] of pairsWithin(network, others)) {
        affected += isLost(from, to, 1) ? 1 : 0;
        lost += isLost(from, to, ATTEMPTS) ? 1 : 0;
      }
    }
    expect(affected).toBeGreaterThan(200);
    // A table does not know where a way leads beyond the next hop: it has to be lucky.
    expect(lost / affected).toBeLessThanOrEqual(strategy === 'table' ? 0.05 : 0);
  });
});
