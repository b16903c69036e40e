import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

test('the program in the README runs as it is printed there', async () => {
  const [, program] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const child = spawn(
    process.execPath,
    ['--conditions=@peerd/source', '--input-type=module-typescript', '-'],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.end(program);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(code).toBe(0);
  expect(output).toMatch(/^HELLO\n12D3KooW\w+ it is out\n$/);
});
