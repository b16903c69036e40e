// Puts the command line and all that it loads into a few files of packages/cli/dist: reading a thousand modules takes
// longer than anything else that `peerd status` or a daemon's start does (docs/adr/0013-bundled-command-line.md).
// What `start` needs stays in files of its own, which other commands do not read.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { readyDescriptors } from './ready-descriptors.mjs';

const { dependencies, engines } = JSON.parse(readFileSync('packages/cli/package.json', 'utf8'));
const into = 'packages/cli/dist';

/** The folder of the npm package that a module is from; undefined for our own. */
function packageOf(module) {
  return /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module.replaceAll('\\', '/'))?.[1];
}

/** What the licenses of the packages want to be passed on with their code. */
function noticesOf(folders) {
  return folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...texts].join('\n\n');
  });
}

const bundle = await rolldown({
  input: 'packages/cli/src/main.ts',
  platform: 'node',
  plugins: [readyDescriptors],
  external: (id) => Object.keys(dependencies).some((name) => id === name || id.startsWith(`${name}/`)),
  resolve: { conditionNames: ['@peerd/source', 'node', 'import', 'default'] },
  transform: { target: `node${engines.node.replace(/^>=/, '')}` },
  onLog: (_, log) => {
    throw new Error(`rolldown: ${log.message}`);
  },
});
const { output } = await bundle.write({ dir: into, format: 'esm', sourcemap: true });
const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
const folders = new Set(modules.map(packageOf).filter((folder) => folder !== undefined));
writeFileSync(
  join(into, 'third-party-licenses.txt'),
  `${noticesOf([...folders].sort()).join(`\n\n${'-'.repeat(72)}\n\n`)}\n`,
);
