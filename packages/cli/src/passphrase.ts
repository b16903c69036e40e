import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { PeerdError } from '@peerd/protocol';
import { Interrupted, usage } from './context.ts';

/** Longest passphrase file that is taken for one. */
const maxFileBytes = 4_096;

export interface PassphraseOptions {
  passphraseFile?: string;
}

/**
 * The passphrase from the file, from PEERD_PASSPHRASE, or as it is typed on the terminal, without showing it; `again`
 * has it typed twice. Never from an argument: everybody on the machine can read those.
 */
export async function readPassphrase({ passphraseFile }: PassphraseOptions, again: boolean): Promise<string> {
  if (passphraseFile !== undefined) return await fromFile(passphraseFile);
  const given = process.env.PEERD_PASSPHRASE;
  if (given) return given;
  if (!process.stdin.isTTY)
    throw usage('no passphrase: give --passphrase-file or PEERD_PASSPHRASE, or run this in a terminal');
  const passphrase = await ask('Passphrase: ');
  if (again && (await ask('Once more: ')) !== passphrase)
    throw new PeerdError('invalid', 'the two passphrases differ: nothing was done');
  return passphrase;
}

/** Its first line. */
async function fromFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new PeerdError('invalid', `the passphrase file ${path} can't be read: ${cause.message}`, { cause });
  });
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '' || text.length > maxFileBytes)
    throw new PeerdError('invalid', `the passphrase file ${path} has no passphrase on its first line`);
  return line;
}

async function ask(prompt: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // From here on the terminal echoes nothing.
  process.stderr.write(prompt);
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', resolve);
      terminal.once('SIGINT', () => reject(new Interrupted('SIGINT')));
      terminal.once('close', () => reject(usage('no passphrase was typed')));
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
