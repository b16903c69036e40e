import { writeFile } from 'node:fs/promises';
import { EXCHANGE_MS, isConverged, networkOfRouters, type RouterNetwork } from '@peerd/core/testing';
import { type Chart, plot } from '../plot.ts';
import { median, table } from '../report.ts';
import type { Case, Contender } from '../run.ts';

const sizes = [50, 100, 200, 400];
const strategies = ['table', 'source'] as const;
type Strategy = (typeof strategies)[number];

/** What is measured of each network. */
const figures = [
  'exchange intervals to converge after the start',
  'KiB sent by each node until then',
  'exchange intervals to converge after a link is cut',
  'KiB sent by each node until then, after the cut',
  'KiB sent by each node in a minute in which nothing changes',
] as const;
const [start, startKiB, cut, cutKiB, restKiB] = figures;

/** The same in few words. */
const titles: Record<(typeof figures)[number], string> = {
  [start]: 'start: intervals until all agree',
  [startKiB]: 'start: KiB each node sends',
  [cut]: 'cut: intervals until all agree',
  [cutKiB]: 'cut: KiB each node sends',
  [restKiB]: 'at rest: KiB each node sends a minute',
};

/** With 200 nodes, in exchange intervals. */
const MOST_INTERVALS = 3;

/** A plot of the medians is written here. */
const plotFile = new URL('../routing.svg', import.meta.url);

const rowOf = (strategy: Strategy, size: number, figure: string): string =>
  `${strategy}, ${size} nodes: ${figure}`;

/** Each with four neighbours: two rings that have no link in common, the second in an order drawn by the seed. */
function networkOf(strategy: Strategy, size: number, seed: number): RouterNetwork {
  // As long as a peer id.
  const ids = Array.from({ length: size }, (_, i) => `12D3KooW${String(i).padStart(44, '0')}`);
  const network = networkOfRouters(seed, ids, {}, { strategy });
  const ring = (order: readonly string[]) =>
    order.map((id, at) => [id, order[(at + 1) % size] as string] as const);
  const link = (links: readonly (readonly [string, string])[]) => {
    for (const [a, b] of links) network.link(a, b);
  };
  link(ring(ids));
  let second: ReturnType<typeof ring>;
  do {
    const shuffled = ids.toSorted();
    for (let i = size - 1; i > 0; i -= 1) {
      const j = Math.floor(network.random() * (i + 1));
      [shuffled[i], shuffled[j]] = [shuffled[j] as string, shuffled[i] as string];
    }
    second = ring(shuffled);
  } while (second.some(([a, b]) => network.isLinked(a, b)));
  link(second);
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

function contenderOf(strategy: Strategy, size: number): Contender {
  let seed = 0;
  return {
    rows: figures.map((figure) => rowOf(strategy, size, figure)),
    isSimulated: true,
    measure: async () => {
      seed += 1;
      const network = networkOf(strategy, size, seed);
      let before = 0;
      const kibEach = () => {
        let bytes = 0;
        for (const router of network.actors.values()) bytes += router.sentBytes;
        const since = bytes - before;
        before = bytes;
        return since / size / 1024;
      };
      const intervals = intervalsToConverge(network);
      const kib = kibEach();
      const [a, b] = network.links[Math.floor(network.random() * network.links.length)] as [string, string];
      network.cut(a, b);
      // Until both ends have noticed nothing has changed.
      network.run(100);
      const intervalsAfterCut = intervalsToConverge(network) + 100 / EXCHANGE_MS;
      const kibAfterCut = kibEach();
      network.run(10_000);
      kibEach();
      network.run(60_000);
      return [intervals, kib, intervalsAfterCut, kibAfterCut, kibEach()];
    },
  };
}

/** How the figures grow with the number of nodes, as a table; and as a plot, where all of it was measured. */
async function growth(of: (row: string) => readonly number[], isBrief: boolean): Promise<string[]> {
  const charts = figures.map((figure): Chart => {
    const lines = strategies.map((strategy) => ({
      name: `by ${strategy}`,
      points: sizes.map((x) => {
        const measured = of(rowOf(strategy, x, figure));
        return { x, y: median(measured), range: [Math.min(...measured), Math.max(...measured)] as const };
      }),
    }));
    const isBound = figure === start || figure === cut;
    return {
      title: titles[figure],
      lines,
      ...(isBound ? { bound: { y: MOST_INTERVALS, text: `at most ${MOST_INTERVALS} with 200 nodes` } } : {}),
    };
  });
  const rows = strategies.flatMap((strategy, line) =>
    sizes.map((size, at) => [
      `by ${strategy}`,
      `${size}`,
      ...charts.map(({ lines }) => (lines[line]?.points[at]?.y ?? Number.NaN).toFixed(2)),
    ]),
  );
  if (!isBrief)
    await writeFile(plotFile, plot('Routing on simulated networks, four neighbours each', 'nodes', charts));
  return table([['medians', 'nodes', ...figures.map((figure) => titles[figure])], ...rows]);
}

/** How routers come to agree, on the simulator: the time in it is that of the simulated network. */
export const routing: Case = {
  title: 'routing of simulated nodes with four neighbours each, 1 to 20 ms a link',
  setUp: async () => ({
    contenders: sizes.flatMap((size) => strategies.map((strategy) => contenderOf(strategy, size))),
    goals: strategies.flatMap((strategy) =>
      [start, cut].map((figure) => {
        const text = rowOf(strategy, 200, figure);
        return { text, figure: (of) => of(text), most: MOST_INTERVALS, everyRound: true };
      }),
    ),
    summary: growth,
    tearDown: async () => {},
  }),
};
