// Makes the toolchain (a pinned Node and pnpm, from npm) and installs the workspace. Plain JavaScript without
// dependencies: it runs before anything is installed, on any Node from 18 on.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const pin = readJson(join(root, 'scripts/toolchain.json'));
const pnpmVersion = readJson(join(root, 'package.json')).packageManager.split('@')[1];
const platform = `${process.platform}-${process.arch}${usesMusl() ? '-musl' : ''}`;

/** What went wrong is for the user to mend; its message says how. */
export class SetupError extends Error {}

/**
 * Everything the tasks need, made when missing. Returns absolute paths: `node` and `pnpm` (a script for
 * `node`), and `env`, in which tools find both. `install: false` leaves node_modules as it is.
 */
export function setUp({ install = true } = {}) {
  const useHost = hostNodeFits();
  const dir = fetchToolchain(useHost);
  const node = useHost
    ? process.execPath
    : join(dir, 'node_modules', pin.packages[platform], 'bin', win('node.exe', 'node'));
  const pnpm = join(dir, 'node_modules/pnpm/bin/pnpm.mjs');
  const bins = [dirname(node), join(dir, 'node_modules/.bin'), join(root, 'node_modules/.bin')];
  const path = [...bins, process.env.PATH].join(delimiter);
  const tools = { node, pnpm, env: { ...process.env, PATH: path } };
  if (install) installWorkspace(tools);
  return tools;
}

function win(onWindows, elsewhere) {
  return process.platform === 'win32' ? onWindows : elsewhere;
}

/** Alpine and the like, where the Node from npm, made for glibc, does not start. */
function usesMusl() {
  if (process.platform !== 'linux' || process.report === undefined) return false;
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

/** Of the majors the project is tried on; where npm has no Node of ours, also of any newer one. */
function hostNodeFits() {
  if (process.execPath.startsWith(join(root, '.toolchain'))) return false; // run from within a task
  const [major, minor] = process.versions.node.split('.').map(Number);
  const needed = pin.packages[platform] === undefined && major > 24 ? 0 : pin.hostNode[major];
  return minor >= (needed ?? Number.POSITIVE_INFINITY);
}

/** Returns the folder that holds pnpm and, unless the host's is used, Node. */
function fetchToolchain(useHost) {
  const nodePackage = pin.packages[platform];
  if (!useHost && nodePackage === undefined)
    throw new SetupError(
      `npm has no Node ${pin.node} for ${platform}: install Node 24.12 or newer (this is ${process.version})`,
    );
  const dir = join(root, '.toolchain', `pnpm-${pnpmVersion}_node-${useHost ? 'host' : pin.node}_${platform}`);
  if (existsSync(dir)) return dir;

  const specs = [`pnpm@${pnpmVersion}`, ...(useHost ? [] : [`${nodePackage}@${pin.node}`])];
  console.error(`peerd setup: fetching ${specs.join(' and ')} (once)`);
  const temporary = `${dir}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  writeFileSync(join(temporary, 'package.json'), '{ "private": true }\n');
  try {
    // From npm's cache first: that fails at once when something is missing, where without a network npm retries.
    if (!npmInstall(temporary, [...specs, '--offline'], 'ignore') && !npmInstall(temporary, specs, 'inherit'))
      throw new SetupError('npm could not fetch the toolchain');
    checkHashes(temporary);
    moveUnlessThere(temporary, dir);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return dir;
}

function moveUnlessThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error; // else another process was faster
  }
}

function npmInstall(cwd, specs, errors) {
  const args = [
    ...['install', '--prefix', cwd, '--no-save', '--no-package-lock', '--ignore-scripts'],
    ...['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'],
    ...['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'],
    ...specs,
  ];
  const options = { cwd, stdio: ['ignore', 'ignore', errors] };
  const npm = process.env.npm_execpath; // set when npm runs us
  const done = npm?.endsWith('npm-cli.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  return done.status === 0;
}

/** Every package must have its pinned hash, but for pnpm's optional binaries of platforms without one. */
function checkHashes(dir) {
  const installed = readJson(join(dir, 'node_modules/.package-lock.json')).packages;
  for (const [path, { version, integrity }] of Object.entries(installed)) {
    const name = path.replace(/^.*node_modules\//, '');
    const id = `${name}@${version}`;
    const expected = pin.integrity[id];
    if (expected === undefined) {
      const problem = `no hash of ${id} is pinned in scripts/toolchain.json`;
      if (!name.startsWith('@pnpm/exe.') || pin.pnpmBinaries.includes(name)) throw new SetupError(problem);
      console.error(`peerd setup: ${problem}`);
    } else if (expected !== integrity)
      throw new SetupError(`the hash of ${id} is not the one in scripts/toolchain.json`);
  }
}

/**
 * Installs dependencies when a manifest or the lockfile has changed since the last time. What it leaves in
 * node_modules/.peerd-setup (line 1: node; line 2: hash of the manifests) is read by ./peerd.
 */
function installWorkspace({ node, pnpm, env }) {
  const hash = createHash('sha256');
  for (const path of manifests()) hash.update(path).update('\0').update(readFileSync(path)).update('\0');
  const stamp = `${node}\n${hash.digest('hex')}\n`;
  const stampFile = join(root, 'node_modules/.peerd-setup');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) {
    const now = new Date();
    utimesSync(stampFile, now, now);
    return;
  }
  const args = [
    'install',
    '--frozen-lockfile',
    '--trust-lockfile',
    '--prefer-offline',
    '--reporter=append-only',
  ];
  const done = spawnSync(node, [pnpm, ...args], { cwd: root, env, stdio: ['ignore', 2, 2] });
  if (done.status !== 0)
    throw new SetupError('pnpm install failed (lockfile out of date? npm run pnpm -- install)');
  writeFileSync(stampFile, stamp);
}

function manifests() {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/package.json`);
  return ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', 'bench/package.json', ...packages.sort()]
    .map((path) => join(root, path))
    .filter((path) => existsSync(path));
}
