import { availableParallelism, cpus } from 'node:os';

/** How long and how often a case is measured. */
export interface Plan {
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** Whether figures are held against what they must reach. */
  readonly checks: boolean;
}

/** One thing that is measured in every round, in turn with the others of its case. */
export interface Contender {
  readonly name: string;
  /** Runs for about `ms` and gives a figure. */
  measure(ms: number): Promise<number>;
}

export interface Goal {
  readonly text: string;
  /** From the figures of each round, in the order of the contenders. */
  figure(round: readonly number[]): number;
  /** The median of all rounds is at least `least`; no round is above `most`. With neither it is only told. */
  readonly least?: number;
  readonly most?: number;
}

export interface Case {
  readonly title: string;
  readonly unit: string;
  setUp(): Promise<{
    readonly contenders: readonly Contender[];
    readonly goals: readonly Goal[];
    tearDown(): Promise<void>;
  }>;
}

/** Measures a case, prints its table and returns the number of goals that were missed. */
export async function run(name: string, subject: Case, plan: Plan): Promise<number> {
  const { contenders, goals, tearDown } = await subject.setUp();
  const rounds: number[][] = [];
  try {
    for (const contender of contenders) await contender.measure(plan.warmUpMs);
    for (let i = 0; i < plan.rounds; i += 1) {
      const figures: number[] = [];
      for (const contender of contenders) figures.push(await contender.measure(plan.roundMs));
      rounds.push(figures);
    }
  } finally {
    await tearDown();
  }
  console.log(`\n${name}: ${subject.title} (${subject.unit}; ${plan.rounds} rounds of ${plan.roundMs} ms)`);
  console.log(
    `Node ${process.versions.node}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}`,
  );
  const rows = contenders.map((contender, i) => [
    contender.name,
    ...spread(rounds.map((round) => round[i] as number)),
  ]);
  print([['', 'min', 'median', 'max'], ...rows]);
  let missed = 0;
  for (const goal of goals) {
    const figures = rounds.map(goal.figure);
    const [low, middle, high] = spread(figures);
    const isMet =
      (goal.least === undefined || median(figures) >= goal.least) &&
      (goal.most === undefined || Math.max(...figures) <= goal.most);
    const verdict = plan.checks ? (isMet ? 'reached' : 'MISSED') : 'not checked';
    console.log(`  ${goal.text}: ${low} / ${middle} / ${high}${boundOf(goal, verdict)}`);
    if (plan.checks && !isMet) missed += 1;
  }
  return missed;
}

function boundOf({ least, most }: Goal, verdict: string): string {
  if (least !== undefined) return ` (at least ${least}: ${verdict})`;
  return most === undefined ? '' : ` (at most ${most}: ${verdict})`;
}

function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

function spread(figures: readonly number[]): [string, string, string] {
  return [format(Math.min(...figures)), format(median(figures)), format(Math.max(...figures))];
}

function format(figure: number): string {
  return figure >= 1_000 ? Math.round(figure).toLocaleString('en') : figure.toFixed(figure < 100 ? 2 : 0);
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  for (const row of rows)
    console.log(
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  ')}`,
    );
}

/** Keeps `callers` calls going for `ms`; calls per second. */
export async function closedLoop(callers: number, ms: number, call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  const endMs = startedMs + ms;
  let calls = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      do {
        await call();
        calls += 1;
        // The clock is read now and then only: it costs as much as a trivial command.
      } while ((calls & 63) !== 0 || performance.now() < endMs);
    }),
  );
  return (calls / (performance.now() - startedMs)) * 1_000;
}
