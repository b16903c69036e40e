import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/reference/limits.md'), 'utf8');
const rows = [
  ...page.matchAll(
    /^\| (?<what>.+) \| (?<bound>.+) \| (?<past>.+) \| \[`(?<name>\w+)`\]\(\.\.\/\.\.\/(?<path>.+)\) \|$/gm,
  ),
].map(({ groups }) => groups as { what: string; bound: string; past: string; name: string; path: string });

/** No bounds of what peerd takes or keeps: parts of an encoding, caches, sizes of buffers, what is cut for show. */
const others = [
  'MAX_CACHED_TARGETS',
  'MAX_HEAD_BYTES',
  'MAX_DATA_BYTES',
  'MAX_LENGTH_BYTES',
  'MAX_RANGES',
  'MAX_TEXT_LENGTH',
  'MAX_VARINT_BYTES',
  'maxCallId',
  'maxErrorBytes',
  'maxKeptBytes',
  'maxP',
  'maxTextUnits',
  'maxTimerMs',
];

const units: Record<string, number> = {
  bytes: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  ms: 1,
  s: 1_000,
  h: 3_600_000,
};

/** `16 MiB and 12 bytes`, `32 MiB less 64 KiB`, `5 s`, `1,024`. */
function figureOf(bound: string): number {
  const [first = '', operator, second] = bound.split(/ (and|less) /);
  const single = (text: string) => {
    const [number = '', unit] = text.replaceAll(',', '').split(' ');
    return Number(number) * (unit === undefined ? 1 : (units[unit] ?? Number.NaN));
  };
  if (second === undefined) return single(first);
  return single(first) + (operator === 'less' ? -1 : 1) * single(second);
}

/** What a constant, or a key of a constant object, comes to: a product, sum or power of numbers and of such constants. */
function constantOf(source: string, name: string): number {
  const [, expression] =
    new RegExp(`(?:const ${name}(?:: number)? =|^ {2}${name}:) ([^;\\n]+?)[;,]$`, 'm').exec(source) ?? [];
  if (expression === undefined) return Number.NaN;
  const numbers = expression
    .replaceAll(/(\d)_(?=\d)/g, '$1')
    .replaceAll(/[A-Za-z]\w*/g, (word) => `${constantOf(source, word)}`);
  if (!/^[\d\s.+*()-]+$/.test(numbers))
    throw new Error(`${name} is ${expression}: more than this test can read`);
  return Number(new Function(`return ${numbers}`)());
}

describe('docs/reference/limits.md', () => {
  test.each(rows)('$name in $path is $bound', ({ bound, name, path }) => {
    expect(constantOf(readFileSync(join(root, path), 'utf8'), name)).toBe(figureOf(bound));
  });

  test('has every constant that is a maximum', () => {
    const files = globSync('packages/*/src/**/*.ts', { cwd: root }).filter((path) => !path.includes('/gen/'));
    const declared = files.flatMap((path) =>
      [...readFileSync(join(root, path), 'utf8').matchAll(/^(?:export )?const (max[A-Z]\w*|MAX_\w+)/gm)]
        .map(([, name = '']) => ({ path, name }))
        .filter(({ name }) => !others.includes(name)),
    );
    expect(declared.length).toBeGreaterThan(40);
    const told = new Set(rows.map(({ path, name }) => `${path} ${name}`));
    expect(declared.filter(({ path, name }) => !told.has(`${path} ${name}`))).toEqual([]);
  });
});
