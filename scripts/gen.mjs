// Makes packages/*/src/gen from packages/*/proto, and docs/reference/cli.md from the commands. With --check it changes
// nothing, and fails when what is there is not what would be made.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';

function generate(pkg, into) {
  const buf = 'node_modules/@bufbuild/buf/bin/buf';
  const args = ['generate', join(pkg, 'proto'), '--template', 'buf.gen.yaml', '--output', into];
  const done = spawnSync(process.execPath, [buf, ...args], { stdio: 'inherit' });
  if (done.status !== 0) process.exit(1);
}

/** Paths below the two folders that are not in both, or differ. */
function differences(left, right) {
  const paths = new Set([left, right].flatMap((cwd) => globSync('**/*.ts', { cwd })));
  const read = (dir, path) =>
    existsSync(join(dir, path)) ? readFileSync(join(dir, path), 'utf8') : undefined;
  return [...paths].filter((path) => read(left, path) !== read(right, path));
}

const stale = [];
for (const proto of globSync('packages/*/proto').sort()) {
  const pkg = dirname(proto);
  if (process.argv[2] !== '--check') {
    generate(pkg, pkg);
    continue;
  }
  const fresh = mkdtempSync(join(tmpdir(), 'peerd-gen-'));
  generate(pkg, fresh);
  const changed = differences(join(pkg, 'src/gen'), join(fresh, 'src/gen'));
  stale.push(...changed.map((path) => join(pkg, 'src/gen', path)));
  rmSync(fresh, { recursive: true });
}
if (stale.length > 0) {
  console.error(`Not what the .proto files say (npm run gen): ${stale.join(', ')}`);
  process.exitCode = 1;
}

const reference = ['--conditions=@peerd/source', 'packages/cli/reference/main.ts', ...process.argv.slice(2)];
const page = spawnSync(process.execPath, reference, { stdio: 'inherit' });
if (page.status !== 0) process.exitCode = 1;
