import { existsSync } from 'node:fs';
import { basename, isAbsolute, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** What to type here to run this program: `peerd` where it is installed, else the way to the one of a checkout. */
export function programName(): string {
  if (process.argv[1] !== undefined && basename(process.argv[1]) === 'peerd') return 'peerd';
  const wrapper = join(fileURLToPath(new URL('../../..', import.meta.url)), 'peerd');
  if (!existsSync(wrapper)) return 'peerd';
  const path = relative(process.cwd(), wrapper);
  if (isAbsolute(path) || path.startsWith('../../..')) return quote(wrapper);
  return quote(path.startsWith('.') ? path : `./${path}`);
}

/** One word for the shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
