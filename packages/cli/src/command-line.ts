import process from 'node:process';
import { CommanderError } from 'commander';
import { Interrupted, usage } from './context.ts';
import { endBy } from './endings.ts';
import { Output } from './output.ts';
import { createProgram, unknownHelpTopic } from './program.ts';

/** Does what this process was asked to, and ends it. */
export async function runCommandLine(): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read our output has had enough of it (`peerd subscribe news | head -1`): that is no failure, and hides none.
    if (error.code === 'EPIPE') process.exit();
    process.stderr.write(`peerd: standard output can't be written: ${error.message} (internal)\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => {});
  const end = await run();
  // Standard input may still be open, and a large answer may still be on its way out.
  process.stdout.write('', (error) => {
    // That it failed is told by the event.
    if (error) return;
    if (end instanceof Interrupted) endBy(end.signal);
    process.exit(end);
  });
}

/** The exit status, or how it was interrupted. */
async function run(): Promise<number | Interrupted> {
  const program = await createProgram(process.argv.slice(2));
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error;
    const output = new Output(program.opts().json ?? optionsGiven().includes('--json'));
    if (!(error instanceof CommanderError)) return output.failure(error);
    // `--help` and `--version` end this way too.
    if (error.exitCode === 0) return 0;
    const topic = unknownHelpTopic(program);
    if (error.code === 'commander.help' && topic !== undefined)
      return output.failure(usage(`unknown command '${topic}': peerd help lists them`));
    if (error.code === 'commander.help' && !output.json) return 2;
    if (error.code === 'commander.help') return output.failure(usage('no command was given'));
    return output.failure(usage(error.message.replace(/^error: /, '')));
  }
}

/** What follows `--` is data, whatever it looks like. */
function optionsGiven(): string[] {
  const words = process.argv.slice(2);
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}
