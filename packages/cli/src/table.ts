import process from 'node:process';
import { styleText } from 'node:util';
import { inertLine, oneLine } from './output.ts';

const gap = '  ';

/** Characters of a peer id that tell it from others, and that every command takes for it; the first 8 are always the same. */
const shortIdLength = 16;

/** A peer's id: on a terminal as much of it as one has to type, else all of it. */
export function idCell(id: string): string {
  return process.stdout.isTTY ? id.slice(0, shortIdLength) : id;
}

export interface TableOptions {
  /** Index of the column that is cut first, so that those after it can be seen. Default: none. */
  narrow?: number;
  /** Indices of columns that a terminal has to be wide enough for: those that go first come first. Default: none goes. */
  drop?: readonly number[];
}

/** Columns that a cell that is cut keeps. */
const minNarrowed = 12;

/**
 * Rows as lines with aligned columns. On a terminal there is a header, the last column is cut at the edge, and nothing
 * in a cell can do harm; elsewhere cells are whole, each row is one line, and there is no header, as programs like it.
 */
export async function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { narrow, drop = [] }: TableOptions = {},
): Promise<string[]> {
  // Its expressions over all of Unicode take longer to make than all else that a command loads.
  const { default: widthOf } = await import('string-width');
  if (!process.stdout.isTTY) {
    const lines = rows.map((row) => row.map(oneLine));
    return layOut(lines, lines, Number.POSITIVE_INFINITY, widthOf, undefined);
  }
  const columns = process.stdout.columns || 80;
  const all = [header, ...rows.map((row) => row.map(inertLine))];
  const dropped = droppedOf(widthsOf(all, widthOf), columns, narrow, drop);
  const kept = <T>(row: readonly T[]) => row.filter((_, index) => !dropped.has(index));
  const narrowed = narrow === undefined ? undefined : kept(header.map((_, index) => index)).indexOf(narrow);
  const [head = '', ...lines] = layOut(all.map(kept), rows.map(kept), columns, widthOf, narrowed);
  return [bold(head), ...lines];
}

/** Emphasis where the terminal has it and NO_COLOR is not set. */
function bold(text: string): string {
  return styleText('bold', text, { stream: process.stdout });
}

type WidthOf = (text: string) => number;

/** A number, with or without a unit: a column of these is flush right. */
const figure = /^[\d,.]+( \S+)?( !)?$/;

function widthsOf(rows: readonly (readonly string[])[], widthOf: WidthOf): number[] {
  return (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => widthOf(row[index] ?? ''))));
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + gap.length + width, -gap.length);
}

/** The columns that there is no room for, with the one that is cut as narrow as it may be. */
function droppedOf(
  widths: readonly number[],
  columns: number,
  narrow: number | undefined,
  drop: readonly number[],
): ReadonlySet<number> {
  const least = widths.map((width, index) => (index === narrow ? Math.min(width, minNarrowed) : width));
  const dropped = new Set<number>();
  for (const index of drop) {
    if (lineWidth(least.filter((_, each) => !dropped.has(each))) <= columns) break;
    dropped.add(index);
  }
  return dropped;
}

/** `body` are the rows below the header, if there is one. */
function layOut(
  rows: readonly (readonly string[])[],
  body: readonly (readonly string[])[],
  columns: number,
  widthOf: WidthOf,
  narrow: number | undefined,
): string[] {
  const widths = widthsOf(rows, widthOf);
  if (narrow !== undefined) {
    const over = lineWidth(widths) - columns;
    const width = widths[narrow] ?? 0;
    if (over > 0) widths[narrow] = Math.min(width, Math.max(width - over, minNarrowed));
  }
  const numeric = widths.map((_, index) => body.every((row) => figure.test(row[index] ?? '')));
  return rows.map((row) => {
    const cells = row.map((whole, index) => {
      const width = widths[index] ?? 0;
      const cell = index === narrow ? cut(whole, width, widthOf) : whole;
      const blank = ' '.repeat(width - widthOf(cell));
      return numeric[index] ? blank + cell : cell + blank;
    });
    return cut(cells.join(gap).trimEnd(), columns, widthOf);
  });
}

/** Phrases with commas between them: on a terminal on as many lines as they need, beside an indent of that width. */
export function folded(phrases: readonly string[], indent: number): string[] {
  const columns = process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  const lines: string[] = [];
  for (const [index, phrase] of phrases.entries()) {
    const text = index < phrases.length - 1 ? `${phrase},` : phrase;
    const last = lines.at(-1);
    if (last === undefined || indent + last.length + 1 + text.length > columns) lines.push(text);
    else lines[lines.length - 1] = `${last} ${text}`;
  }
  return lines;
}

/** As much of a line as fits, with a mark where something was cut. */
function cut(line: string, columns: number, widthOf: WidthOf): string {
  if (widthOf(line) <= columns) return line;
  let kept = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
