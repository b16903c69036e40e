import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { daemons } from './cases/daemons.ts';
import { large1MiB } from './cases/large.ts';
import { latency } from './cases/latency.ts';
import { loop } from './cases/loop.ts';
import { memory } from './cases/memory.ts';
import { request } from './cases/request.ts';
import { routed3Hops } from './cases/routed.ts';
import { routing } from './cases/routing.ts';
import { start } from './cases/start.ts';
import { type Case, type Plan, run } from './run.ts';

const cases: Record<string, Case> = {
  loop,
  request,
  daemons,
  latency,
  large: large1MiB,
  start,
  memory,
  routing,
  routed: routed3Hops,
};

const help = `usage: npm run bench -- [CASE...] [--brief]

cases: ${Object.keys(cases).join(', ')} (default: all)
--brief: one short round each, and no thresholds: does it run at all?

Exits 1 when a figure misses what it must reach. How it is measured: bench/README.md.`;

const full: Plan = { rounds: 5, roundMs: 2_000, warmUpMs: 5_000, checks: true };
const brief: Plan = { rounds: 1, roundMs: 300, warmUpMs: 100, checks: false };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { brief: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const unknown = positionals.filter((name) => !(name in cases));
  if (unknown.length > 0) {
    console.error(`no case ${unknown.join(', ')}\n\n${help}`);
    return 2;
  }
  const load = loadavg()[0]?.toFixed(1);
  const build = fileURLToPath(new URL('../scripts/run.mjs', import.meta.url));
  if (spawnSync(process.execPath, [build, 'build'], { stdio: ['ignore', 2, 2] }).status !== 0) return 1;
  const processor = `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}`;
  console.log(`Node ${process.versions.node}, ${processor}, load of the minute before: ${load}`);
  let missed = 0;
  for (const name of positionals.length > 0 ? positionals : Object.keys(cases))
    missed += await run(name, cases[name] as Case, values.brief ? brief : full);
  return missed > 0 ? 1 : 0;
}

// What the bench has started ends with it; without these lines a signal would leave it no time for that.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => process.exit(status));

process.exitCode = await main();
