import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** What to type to run this program: `peerd` where it is installed; in a checkout the path of its wrapper. */
export function programName(): string {
  const path = programPath();
  return path === quote(resolve('peerd')) ? './peerd' : path;
}

/** The same, from whatever directory. */
export function programPath(): string {
  if (process.argv[1] !== undefined && basename(process.argv[1]) === 'peerd') return 'peerd';
  const wrapper = fileURLToPath(new URL('../../../peerd', import.meta.url));
  return existsSync(wrapper) ? quote(wrapper) : 'peerd';
}

/** One word for the shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
