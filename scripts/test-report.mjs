// Reads the JSON report of vitest. `node scripts/test-report.mjs <report>` prints `N passed, N failed, N skipped`.
// With --complete it prints only what is missing, and fails, when a layer or a package has run no test: to vitest a
// glob that finds nothing is no failure. Runs on the host's Node.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

const [report, option] = process.argv.slice(2);
const files = JSON.parse(readFileSync(report, 'utf8')).testResults;
const count = (statuses) =>
  files.flatMap((file) => file.assertionResults).filter(({ status }) => statuses.includes(status)).length;
const has = (file, ...statuses) => file.assertionResults.some(({ status }) => statuses.includes(status));

if (option === '--complete') complete();
else {
  // A file that can not even be loaded fails without a test that fails.
  const broken = files.filter((file) => file.status === 'failed' && !has(file, 'failed'));
  const [passed, failed] = [count(['passed']), count(['failed']) + broken.length];
  console.log(
    `${passed} passed, ${failed} failed, ${count(['skipped', 'pending', 'todo', 'disabled'])} skipped`,
  );
}

/** The layers are told apart by the names of their files, as in vitest.config.ts. */
function complete() {
  const ran = files
    .filter((file) => has(file, 'passed', 'failed'))
    .map(({ name }) =>
      /.*\/packages\/([^/]+)\/test\/.*?(?:\.(integration|e2e))?\.test\.ts$/.exec(name.replaceAll('\\', '/')),
    )
    .filter((match) => match !== null);
  const layers = new Set(ran.map(([, , layer = 'unit']) => layer));
  const packages = new Set(ran.map(([, name]) => name));
  const missing = [
    ...['unit', 'integration', 'e2e'].filter((layer) => !layers.has(layer)).map((layer) => `layer ${layer}`),
    ...readdirSync('packages')
      .filter((name) => existsSync(`packages/${name}/package.json`) && !packages.has(name))
      .map((name) => `packages/${name}`),
  ];
  if (missing.length === 0) return;
  console.error(`No test has run of: ${missing.join(', ')}`);
  process.exitCode = 1;
}
