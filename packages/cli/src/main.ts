#!/usr/bin/env node
import process from 'node:process';
import { CommanderError } from 'commander';
import { Interrupted, usage } from './context.ts';
import { Output } from './output.ts';
import { createProgram } from './program.ts';

/** Whoever read our output has had enough of it (`peerd subscribe news | head -1`): that is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.stderr.on('error', () => {});

async function run(): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitStatus;
    const output = new Output(program.opts().json ?? optionsGiven().includes('--json'));
    if (!(error instanceof CommanderError)) return output.failure(error);
    // `--help` and `--version` end this way too.
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') return 2;
    return output.failure(usage(error.message.replace(/^error: /, '')));
  }
}

/** What follows `--` is data, whatever it looks like. */
function optionsGiven(): string[] {
  const words = process.argv.slice(2);
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}

const status = await run();
// Standard input may still be open, and a large answer may still be on its way out.
process.stdout.write('', () => process.exit(status));
