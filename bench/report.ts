/** A line of a case's table: its figure in each round, or why there is none. */
export type Row =
  | { readonly title: string; readonly figures: readonly number[] }
  | { readonly title: string; readonly absent: string };

export interface Goal {
  readonly text: string;
  /** From the figures of one round, by the titles of their rows. */
  figure(of: (title: string) => number): number;
  /** What the median of the rounds must reach: at least that much, or at most. With neither it is only told. */
  readonly least?: number;
  readonly most?: number;
  /** What is wanted beyond that. */
  readonly aim?: number;
  /** Not the median but every round must be within the bound. */
  readonly everyRound?: boolean;
}

/** The lines of the figures and of what became of the goals, and how many goals were missed. */
export function report(
  rows: readonly Row[],
  goals: readonly Goal[],
  checks: boolean,
): { lines: string[]; missed: number } {
  const heading = ['min', 'median', 'max'];
  const figures = rows.map((row) => [
    row.title,
    ...('absent' in row ? [`not measured: ${row.absent}`] : spread(row.figures)),
  ]);
  const judged = goals.map((goal) => judge(goal, rows, checks));
  const verdicts = judged.map(({ cells }) => cells);
  return {
    lines: [
      ...table([['', ...heading], ...figures]),
      ...(goals.length === 0 ? [] : table([['', ...heading, 'must reach', 'aim', ''], ...verdicts])),
    ],
    missed: judged.filter(({ missed }) => missed).length,
  };
}

function judge(
  goal: Goal,
  rows: readonly Row[],
  checks: boolean,
): { cells: readonly string[]; missed: boolean } {
  const { text, least, most, aim, everyRound } = goal;
  const sign = most === undefined ? '>=' : '<=';
  const bound = most ?? least;
  const bounds = [bound, aim].map((each) =>
    each === undefined ? '' : `${sign} ${each.toLocaleString('en')}`,
  );
  const figures = perRound(goal, rows);
  if (typeof figures === 'string')
    return { cells: [text, '', '', '', ...bounds, `not measured: ${figures}`], missed: false };
  const reaches = (wanted: number | undefined) => {
    if (wanted === undefined) return false;
    if (most !== undefined) return (everyRound ? Math.max(...figures) : median(figures)) <= wanted;
    return (everyRound ? Math.min(...figures) : median(figures)) >= wanted;
  };
  const verdict = reaches(aim) ? 'aim reached' : reaches(bound) ? 'reached' : 'MISSED';
  const told = bound === undefined ? '' : checks ? verdict : 'not checked';
  return { cells: [text, ...spread(figures), ...bounds, told], missed: told === 'MISSED' };
}

/** The goal's figure in each round, or why there is none. */
function perRound(goal: Goal, rows: readonly Row[]): number[] | string {
  const byTitle = new Map(rows.map((row) => [row.title, row]));
  let absent: string | undefined;
  const inRound = (round: number) =>
    goal.figure((title) => {
      const row = byTitle.get(title);
      if (row === undefined) throw new Error(`the goal "${goal.text}" needs a row "${title}": there is none`);
      if ('figures' in row) return row.figures[round] ?? Number.NaN;
      absent ??= row.absent;
      return Number.NaN;
    });
  const rounds = Math.max(...rows.map((row) => ('figures' in row ? row.figures.length : 0)));
  const figures = Array.from({ length: rounds }, (_, round) => inRound(round));
  return absent ?? figures;
}

export function median(figures: readonly number[]): number {
  return percentile(
    [...figures].sort((a, b) => a - b),
    0.5,
  );
}

/** Of sorted figures; between two of them in proportion. */
export function percentile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

function spread(figures: readonly number[]): string[] {
  return [Math.min(...figures), median(figures), Math.max(...figures)].map(format);
}

function format(figure: number): string {
  if (Number.isNaN(figure)) return '-';
  return figure >= 1_000 ? Math.round(figure).toLocaleString('en') : figure.toFixed(figure < 100 ? 2 : 0);
}

/** The last cell of a row that is shorter than the first may be as long as it likes. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const isFree = (row: readonly string[], column: number) =>
    row.length < columns && column === row.length - 1;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (isFree(row, column) ? 0 : (row[column]?.length ?? 0)))),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 || isFree(row, column)
        ? cell.padEnd(widths[column] ?? 0)
        : cell.padStart(widths[column] ?? 0),
    );
    return `  ${cells.join('  ')}`.trimEnd();
  });
}
