// The end-to-end tests run the command line as it is published: in a third of the processor time that it takes from
// the source, of which they start hundreds of processes.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function setup() {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { status } = spawnSync(process.execPath, ['scripts/bundle.mjs'], { cwd, stdio: 'inherit' });
  if (status !== 0) throw new Error('the command line could not be bundled');
}
