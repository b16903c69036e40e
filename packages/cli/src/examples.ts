import process from 'node:process';
import type { Command } from 'commander';

interface Guidance {
  /** Command lines. */
  examples: readonly string[];
  /** What else a person should know: paragraphs, with an empty line between; an indented line stays a line. */
  notes: string;
}

const guidance = new WeakMap<Command, Guidance>();

/** Adds examples, and what else a person should know, to the end of a command's help. */
export function withExamples(command: Command, examples: readonly string[], notes: string = ''): Command {
  // A line's end within a paragraph is that of the source.
  const guide = { examples, notes: notes.replaceAll(/(?<!\n)\n(?![\n ])/g, ' ').trim() };
  guidance.set(command, guide);
  return command.addHelpText('after', ({ error }) => textOf(command, guide, error));
}

export function guidanceOf(command: Command): Guidance | undefined {
  return guidance.get(command);
}

function textOf(command: Command, { examples, notes }: Guidance, error: boolean): string {
  const lines = examples.map((each) => `  $ ${each}`).join('\n');
  const stream = error ? process.stderr : process.stdout;
  const width = stream.isTTY ? stream.columns : defaultWidth;
  const paragraphs = notes === '' ? '' : `\n${command.createHelp().boxWrap(notes, width)}\n`;
  return `\n${command.createHelp().styleTitle('Examples:')}\n${lines}\n${paragraphs}`;
}

/** What commander takes for the rest of the help where there is no terminal. */
const defaultWidth = 80;

export const payloadNote =
  'With --json, bytes are in "payload" when they are UTF-8 text, else in "payloadBase64"; always in one of the two.';
