import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** What to type to run this program: `peerd` where it is installed; in a checkout the path of its wrapper. */
export function programName(): string {
  if (process.argv[1] !== undefined && basename(process.argv[1]) === 'peerd') return 'peerd';
  const checkout = fileURLToPath(new URL('../../..', import.meta.url));
  const wrapper = join(checkout, 'peerd');
  if (!existsSync(wrapper)) return 'peerd';
  return resolve(checkout) === process.cwd() ? './peerd' : quote(wrapper);
}

/** One word for the shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
