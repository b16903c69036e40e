// Makes docs/reference/cli.md from the definitions of the commands. With --check it changes nothing, and fails when
// what is there is not what would be made.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { guidanceOf } from '../src/examples.ts';
import { createProgram } from '../src/program.ts';
import { type NamedCommand, visibleCommands } from './commands.ts';
import { type JsonType, readJsonTypes, typesOf } from './json-types.ts';

const path = fileURLToPath(new URL('../../../docs/reference/cli.md', import.meta.url));

const introduction = `# The command line

Made from the definitions of the commands by \`npm run gen\`. \`peerd COMMAND --help\` says the same, but for the JSON.

With \`--json\` a command prints one object, or one a line, on standard output; notes for a person stay on standard error.
A command that fails prints one last object, \`{"error": …}\`, and exits with the status of its code:
[errors.md](errors.md) has them all. One that is interrupted prints no error and dies of the signal: a shell
shows 130 (Ctrl-C), 143 (SIGTERM) or 129 (SIGHUP), and ends its loop too.`;

async function page(): Promise<string> {
  const program = await createProgram();
  const commands = visibleCommands(program);
  const types = readJsonTypes();
  const index = commands
    .filter(({ command }) => command.commands.length === 0)
    .map(
      ({ name, command }) =>
        `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${cell(command.description())} |`,
    );
  const sections = [
    introduction,
    ['| command | |', '|---|---|', ...index].join('\n'),
    `## Every command has\n\n${rows(program)}`,
    'What each prints as JSON is declared below, in TypeScript. Keys may be added, and none is renamed or removed: read what\nyou know and let the rest be. What is not known is `null`; times are in milliseconds, to the microsecond.',
    `${code('ts', sourceOf(common(types)))}`,
    ...commands.map((each) => sectionOf(each, types)),
  ];
  return `${sections.join('\n\n')}\n`;
}

function sectionOf({ name, command }: NamedCommand, types: ReadonlyMap<string, JsonType>): string {
  const { examples = [], notes = '' } = guidanceOf(command) ?? {};
  const json = typesOf(name, types).filter((type) => !common(types).includes(type));
  const parts = [
    `## ${name}`,
    `${command.description()}.`,
    code('', `${name} ${command.usage()}`),
    rows(command),
    code('', examples.join('\n')),
    ...notes.split('\n\n').map(paragraph),
    json.length === 0 ? '' : `JSON:\n\n${code('ts', sourceOf(json))}`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** Lines that are indented in the help are no text that flows. */
function paragraph(text: string): string {
  return text.startsWith('  ') ? code('', text.replaceAll(/^ {2}/gm, '')) : escaped(text);
}

/** The arguments and options of a command, but for --help. */
function rows(command: Command): string {
  const all = [
    ...command.registeredArguments.map((each) => {
      const form = each.required ? `<${each.name()}>` : `[${each.name()}]`;
      const choices = each.argChoices === undefined ? '' : each.argChoices.join(', ');
      return [each.variadic ? `${form}…` : form, each.description || choices];
    }),
    ...command.options.map((each) => {
      const choices = each.argChoices === undefined ? '' : ` (${each.argChoices.join(', ')})`;
      return [each.flags, `${each.description}${choices}`];
    }),
  ];
  if (all.length === 0) return '';
  const lines = all.map(([form = '', meaning = '']) => `| \`${form}\` | ${cell(meaning)} |`);
  return ['| | |', '|---|---|', ...lines].join('\n');
}

/** What no one command prints. */
function common(types: ReadonlyMap<string, JsonType>): JsonType[] {
  return ['FailureJson', 'ErrorJson', 'VersionJson'].flatMap((name) => types.get(name) ?? []);
}

function sourceOf(types: readonly JsonType[]): string {
  return types.map(({ source }) => source.trim().replaceAll('export interface', 'interface')).join('\n\n');
}

function code(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function cell(text: string): string {
  return escaped(text).replaceAll('|', '\\|');
}

/** What Markdown would take for a tag. */
function escaped(text: string): string {
  return text.replaceAll('<', '&lt;');
}

const made = await page();
if (!process.argv.includes('--check')) writeFileSync(path, made);
else if (!existsSync(path) || readFileSync(path, 'utf8') !== made) {
  console.error('Not what the commands say (npm run gen): docs/reference/cli.md');
  process.exitCode = 1;
}
