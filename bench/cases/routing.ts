import { EXCHANGE_MS, isConverged, networkOfRouters, type RouterNetwork } from '@peerd/core/testing';
import type { Case, Contender } from '../run.ts';

const sizes = [50, 100, 200, 400];

/** Each with four neighbours: two rings, the second in an order drawn by the seed. */
function networkOf(size: number, seed: number): RouterNetwork {
  // As long as a peer id.
  const ids = Array.from({ length: size }, (_, i) => `12D3KooW${String(i).padStart(44, '0')}`);
  const network = networkOfRouters(seed, ids);
  const shuffled = ids.toSorted();
  for (let i = size - 1; i > 0; i -= 1) {
    const j = Math.floor(network.random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j] as string, shuffled[i] as string];
  }
  for (const ring of [ids, shuffled])
    for (let i = 0; i < size; i += 1) network.link(ring[i] as string, ring[(i + 1) % size] as string);
  return network;
}

/** Time until it has converged, in exchange intervals, to a fiftieth. */
function intervalsToConverge(network: RouterNetwork): number {
  const startMs = network.nowMs;
  while (!isConverged(network)) {
    network.run(EXCHANGE_MS / 50);
    if (network.nowMs - startMs > 100 * EXCHANGE_MS) return Number.POSITIVE_INFINITY;
  }
  return (network.nowMs - startMs) / EXCHANGE_MS;
}

const rowsOf = (size: number) => [
  `${size} nodes: exchange intervals to converge after the start`,
  `${size} nodes: KiB sent by each node until then`,
  `${size} nodes: exchange intervals to converge after a link is cut`,
  `${size} nodes: KiB sent by each node until then, after the cut`,
];

function contenderOf(size: number): Contender {
  let seed = 0;
  return {
    rows: rowsOf(size),
    measure: async () => {
      seed += 1;
      const network = networkOf(size, seed);
      const kibEach = () => {
        let bytes = 0;
        for (const router of network.actors.values()) bytes += router.sentBytes;
        return bytes / size / 1024;
      };
      const start = intervalsToConverge(network);
      const startKiB = kibEach();
      const [a, b] = network.links[Math.floor(network.random() * network.links.length)] as [string, string];
      network.cut(a, b);
      // Until both ends have noticed nothing has changed.
      network.run(100);
      const cut = intervalsToConverge(network) + 100 / EXCHANGE_MS;
      return [start, startKiB, cut, kibEach() - startKiB];
    },
  };
}

/** How routing tables come to agree, on the simulator: the time in it is that of the simulated network. */
export const routing: Case = {
  title: 'routing tables of simulated nodes with four neighbours each, 1 to 20 ms a link',
  setUp: async () => ({
    contenders: sizes.map(contenderOf),
    goals: [0, 2].map((row) => {
      const text = rowsOf(200)[row] as string;
      return { text, figure: (of) => of(text), most: 3, everyRound: true };
    }),
    tearDown: async () => {},
  }),
};
