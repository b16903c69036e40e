import type { Command } from 'commander';

/** Adds examples, and what else a person should know, to the end of a command's help. */
export function withExamples(command: Command, examples: readonly string[], notes: string = ''): Command {
  const lines = examples.map((each) => `  $ ${each}`).join('\n');
  return command.addHelpText('after', `\nExamples:\n${lines}\n${notes === '' ? '' : `\n${notes}\n`}`);
}

export const payloadNote =
  'With --json, bytes are in "payload" when they are UTF-8 text, else in "payloadBase64"; always in one of the two.';
