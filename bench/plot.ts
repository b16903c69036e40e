import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

/** What grows with what. */
export interface Chart {
  readonly title: string;
  /** Where the lines may not go above, and what is said there. */
  readonly bound?: { readonly y: number; readonly text: string };
  readonly lines: readonly Line[];
}

interface Line {
  readonly name: string;
  /** Each with the least and the most of what was measured. */
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly range: readonly [number, number];
  }[];
}

/** In px. */
const chart = { width: 330, height: 240, top: 46, right: 20, bottom: 40, left: 56 };
const columns = 2;
const header = 64;

/** Told apart also by who sees no colours: of different lightness, and each with a sign of its own. */
const looks = [
  { color: '#0b6e99', sign: (x: number, y: number) => `<circle cx="${x}" cy="${y}" r="4"/>` },
  {
    color: '#e08a1e',
    sign: (x: number, y: number) => `<rect x="${x - 4}" y="${y - 4}" width="8" height="8"/>`,
  },
] as const;

/** An SVG with the charts side by side, each beginning at zero; the lines have the same looks in all of them. */
export function plot(title: string, xTitle: string, charts: readonly Chart[]): string {
  const width = columns * chart.width;
  const height = header + Math.ceil(charts.length / columns) * chart.height;
  const names = charts[0]?.lines.map(({ name }) => name) ?? [];
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="26" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...names.map((name, i) => legend(name, i)),
    ...charts.map((each, i) => {
      const [x, y] = [(i % columns) * chart.width, header + Math.floor(i / columns) * chart.height];
      return `<g transform="translate(${x} ${y})">${drawn(each, xTitle)}</g>`;
    }),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function legend(name: string, i: number): string {
  const look = looks[i % looks.length] as (typeof looks)[number];
  const x = 20 + i * 120;
  return `<g fill="${look.color}">${look.sign(x, 46)}<text x="${x + 10}" y="50" fill="#222">${escaped(name)}</text></g>`;
}

function drawn({ title, bound, lines }: Chart, xTitle: string): string {
  const points = lines.flatMap((each) => each.points);
  const xs = [...new Set(points.map(({ x }) => x))];
  const most = Math.max(bound?.y ?? 0, ...points.map(({ range }) => range[1]));
  const x = scaleLinear([0, Math.max(...xs)], [chart.left, chart.width - chart.right]);
  const y = scaleLinear([0, most], [chart.height - chart.bottom, chart.top]).nice(4);
  const [bottom, right] = [chart.height - chart.bottom, chart.width - chart.right];
  return [
    `<text x="${chart.left}" y="${chart.top - 18}" font-weight="bold">${escaped(title)}</text>`,
    ...y
      .ticks(4)
      .flatMap((tick) => [
        `<line x1="${chart.left}" x2="${right}" y1="${px(y(tick))}" y2="${px(y(tick))}" stroke="#ddd"/>`,
        `<text x="${chart.left - 6}" y="${px(y(tick) + 4)}" text-anchor="end" fill="#444">${tick.toLocaleString('en')}</text>`,
      ]),
    ...xs.map(
      (each) => `<text x="${px(x(each))}" y="${bottom + 15}" text-anchor="middle" fill="#444">${each}</text>`,
    ),
    `<text x="${(chart.left + right) / 2}" y="${bottom + 31}" text-anchor="middle" fill="#444">${escaped(xTitle)}</text>`,
    ...(bound === undefined
      ? []
      : [
          `<line x1="${chart.left}" x2="${right}" y1="${px(y(bound.y))}" y2="${px(y(bound.y))}" stroke="#a00" stroke-dasharray="4 3"/>`,
          `<text x="${right}" y="${px(y(bound.y) - 4)}" text-anchor="end" fill="#a00">${escaped(bound.text)}</text>`,
        ]),
    ...lines.map((each, i) => lineOf(each, i, x, y)),
  ].join('\n');
}

function lineOf(
  { points }: Line,
  i: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const { color, sign } = looks[i % looks.length] as (typeof looks)[number];
  const path = line<(typeof points)[number]>(
    (point) => px(x(point.x)),
    (point) => px(y(point.y)),
  )(points);
  return [
    `<path d="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...points.map(
      ({ x: at, range: [least, most] }) =>
        `<line x1="${px(x(at))}" x2="${px(x(at))}" y1="${px(y(least))}" y2="${px(y(most))}" stroke="${color}"/>`,
    ),
    `<g fill="${color}">${points.map((point) => sign(px(x(point.x)), px(y(point.y)))).join('')}</g>`,
  ].join('\n');
}

/** To a tenth. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
