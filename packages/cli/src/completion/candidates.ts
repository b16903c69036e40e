import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  value: string;
  description: string;
}

/** What can come next: some words, or a path, which the shell completes itself. */
export type Candidates = readonly Candidate[] | 'files' | 'directories';

/** What only a running daemon knows. None of them may fail. */
export interface Sources {
  daemons(): Promise<Candidate[]>;
  peers(which: Which): Promise<Candidate[]>;
  topics(which: Which): Promise<Candidate[]>;
}

/** The daemon that the words before name. */
export interface Which {
  name?: string;
  socket?: string;
}

/**
 * What the last of these words, which follow the program's name, can become. Bash gives `--name=x` as three words.
 */
export async function candidatesFor(
  program: Command,
  words: readonly string[],
  sources: Sources,
): Promise<Candidates> {
  const place = placeOf(program, words.slice(0, -1));
  const last = words.at(-1) === '=' ? '' : (words.at(-1) ?? '');
  if (place.pending !== undefined) return await starting(last, valuesOf(place.pending, place, sources));
  const [flag, value] = split(last);
  const option = place.optionsEnded || value === undefined ? undefined : optionOf(place.command, flag);
  if (option !== undefined && value !== undefined) {
    const values = await starting(value, valuesOf(option, place, sources));
    return typeof values === 'string'
      ? values
      : values.map((each) => ({ ...each, value: `${flag}=${each.value}` }));
  }
  if (last.startsWith('-') && !place.optionsEnded) return await starting(last, flagsOf(place.command));
  if (place.arguments === 0 && place.command.commands.length > 0)
    return await starting(last, commandsOf(place.command));
  const known = place.command.registeredArguments;
  const argument = known[place.arguments] ?? (known.at(-1)?.variadic ? known.at(-1) : undefined);
  return argument === undefined ? [] : await starting(last, wordsOf(argument, place, sources));
}

interface Place {
  command: Command;
  /** How many arguments of it there are. */
  arguments: number;
  /** The option whose value comes next. */
  pending: Option | undefined;
  optionsEnded: boolean;
  which: Which;
}

function placeOf(program: Command, words: readonly string[]): Place {
  const place: Place = { command: program, arguments: 0, pending: undefined, optionsEnded: false, which: {} };
  for (const word of words) {
    if (word === '=') continue;
    if (place.pending !== undefined) {
      note(place, place.pending, word);
      place.pending = undefined;
    } else if (word === '--') place.optionsEnded = true;
    else if (word.startsWith('-') && !place.optionsEnded) {
      const [flag, value] = split(word);
      const option = optionOf(place.command, flag);
      if (option === undefined || !takesValue(option)) continue;
      if (value === undefined) place.pending = option;
      else note(place, option, value);
    } else {
      const below = place.command.commands.find((each) => each.name() === word);
      if (below === undefined || place.arguments > 0) place.arguments += 1;
      else place.command = below;
    }
  }
  return place;
}

function note({ which }: Place, option: Option, value: string): void {
  if (option.long === '--name' || option.long === '--socket')
    which[option.attributeName() as keyof Which] = value;
}

function split(word: string): [flag: string, value: string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** The options of a command and of those it is below. */
function optionsOf(command: Command): Option[] {
  const above = command.parent === null ? [] : optionsOf(command.parent);
  return [
    ...command.createHelp().visibleOptions(command),
    ...above.filter(({ long }) => long !== '--help' && long !== '--version'),
  ];
}

function optionOf(command: Command, flag: string): Option | undefined {
  return optionsOf(command).find(({ long, short }) => long === flag || short === flag);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function flagsOf(command: Command): Candidate[] {
  return optionsOf(command).map(({ long, short, description }) => ({
    value: long ?? short ?? '',
    description,
  }));
}

function commandsOf(command: Command): Candidate[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.map((each) => ({ value: each.name(), description: each.description() }));
}

async function valuesOf(option: Option, place: Place, sources: Sources): Promise<Candidates> {
  if (option.argChoices !== undefined) return option.argChoices.map((value) => ({ value, description: '' }));
  // The name of a daemon that is to be started is not that of one that runs.
  if (option.long === '--name') return place.command.name() === 'start' ? [] : await sources.daemons();
  const [, kind] = /[<[]([\w-]+)/.exec(option.flags) ?? [];
  if (kind === 'directory') return 'directories';
  return kind === 'file' || kind === 'path' ? 'files' : [];
}

async function wordsOf(argument: Argument, { which }: Place, sources: Sources): Promise<Candidates> {
  if (argument.argChoices !== undefined)
    return argument.argChoices.map((value) => ({ value, description: '' }));
  if (argument.name() === 'peer') return await sources.peers(which);
  if (argument.name() === 'topic') return await sources.topics(which);
  return argument.name() === 'file' ? 'files' : [];
}

async function starting(text: string, all: Candidates | Promise<Candidates>): Promise<Candidates> {
  const candidates = await all;
  if (typeof candidates === 'string') return candidates;
  return candidates.filter(({ value }) => value.startsWith(text));
}
