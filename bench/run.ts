import { type Goal, type Row, report } from './report.ts';

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
  /** What it gives, each a line of the table: what, and in which unit. */
  readonly rows: readonly string[];
  /** Runs for about `ms` and gives a figure for each row. */
  measure(ms: number): Promise<readonly number[]>;
  /** Its time is not the machine's, so that there is nothing to warm up. */
  readonly isSimulated?: boolean;
}

/** A contender that this machine can't run. */
export interface Absent {
  readonly rows: readonly string[];
  readonly absent: string;
}

export interface Case {
  readonly title: string;
  setUp(): Promise<{
    readonly contenders: readonly (Contender | Absent)[];
    readonly goals: readonly Goal[];
    /** Lines that follow the table, from the figures of all rounds by the titles of their rows. */
    summary?(of: (title: string) => readonly number[], isBrief: boolean): Promise<readonly string[]>;
    tearDown(): Promise<void>;
  }>;
}

/** Measures a case, prints its table and returns the number of goals that were missed. */
export async function run(name: string, subject: Case, plan: Plan): Promise<number> {
  const { contenders, goals, summary, tearDown } = await subject.setUp();
  const figures = new Map<string, number[]>();
  try {
    for (const contender of contenders)
      if ('measure' in contender && contender.isSimulated !== true) await contender.measure(plan.warmUpMs);
    for (let round = 0; round < plan.rounds; round += 1)
      for (const contender of contenders) {
        if (!('measure' in contender)) continue;
        const measured = await contender.measure(plan.roundMs);
        for (const [i, row] of contender.rows.entries()) {
          const before = figures.get(row) ?? [];
          figures.set(row, [...before, measured[i] ?? Number.NaN]);
        }
      }
  } finally {
    await tearDown();
  }
  const rows = contenders.flatMap((contender): Row[] =>
    contender.rows.map((title) =>
      'absent' in contender
        ? { title, absent: contender.absent }
        : { title, figures: figures.get(title) ?? [] },
    ),
  );
  console.log(`\n${name}: ${subject.title} (${plan.rounds} rounds of ${plan.roundMs} ms)`);
  const { lines, missed } = report(rows, goals, plan.checks);
  const more = (await summary?.((title) => figures.get(title) ?? [], !plan.checks)) ?? [];
  for (const line of [...lines, ...more]) console.log(line);
  return missed;
}
