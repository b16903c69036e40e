// Checks .dependency-cruiser.mjs, and that the check has seen the code: without a TypeScript compiler that it can
// use, dependency-cruiser reads nothing and finds no fault with it.
import { globSync } from 'node:fs';
import process from 'node:process';
import { cruise, format } from 'dependency-cruiser';
import configuration from '../.dependency-cruiser.mjs';

const { forbidden, options } = configuration;
const { output: result } = await cruise(['packages', 'bench'], {
  ...options,
  ruleSet: { forbidden },
  validate: true,
});
const { output: report, exitCode } = await format(result, { outputType: 'err-long' });
console.log(report.trim());

const read = new Set(
  result.modules.filter(({ dependencies }) => dependencies.length > 0).map(({ source }) => source),
);
const unread = globSync('packages/*/src/**/index.ts').filter((path) => !read.has(path));
if (unread.length > 0) console.error(`Not read, so nothing was checked there: ${unread.join(', ')}`);
process.exitCode = exitCode > 0 || unread.length > 0 ? 1 : 0;
