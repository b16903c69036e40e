import { expect, test } from 'vitest';
import { plot } from '../plot.ts';

test('a plot has each point where its axes say, and says what it is', () => {
  const points = [
    { x: 100, y: 1, range: [1, 1] },
    { x: 200, y: 4, range: [2, 4] },
  ] as const;
  const bound = { y: 8, text: 'at most 8 < 9' };
  const svg = plot('Growth', 'nodes', [{ title: 'height', bound, lines: [{ name: 'trees', points }] }]);
  for (const text of ['>Growth<', '>nodes<', '>height<', '>trees<', '>at most 8 &lt; 9<', '>100<', '>200<'])
    expect(svg).toContain(text);
  const [, x1, y1, x2, y2] = (/d="M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)"/.exec(svg) ?? []).map(
    Number,
  ) as number[];
  // Both axes begin at zero: a line through the points tells where.
  const left = 2 * (x1 as number) - (x2 as number);
  const bottom = (y1 as number) + ((y1 as number) - (y2 as number)) / 3;
  const baseline = /<text x="50" y="([\d.]+)"[^>]*>0</.exec(svg)?.[1];
  expect(left).toBeCloseTo(56, 0);
  expect(bottom + 4).toBeCloseTo(Number(baseline), 0);
});
