import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCodes, exitStatusOf } from '../src/errors.ts';

const page = readFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');

test('docs/reference/errors.md has every code, with its exit status, a meaning and what to do', () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (.+) \| (.+) \| (.+) \|$/gm)];
  expect(rows.map(([, code, status]) => [code, Number(status)])).toEqual(
    errorCodes.map((code) => [code, exitStatusOf(code)]),
  );
  for (const [, , , ...cells] of rows) expect(cells.every((cell) => cell.trim().length > 1)).toBe(true);
});
