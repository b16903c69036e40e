import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { errorCodes, exitStatusOf, PeerdError } from '@peerd/protocol';
import type { Command } from 'commander';
import { afterEach, expect, test, vi } from 'vitest';
import { visibleCommands } from '../reference/commands.ts';
import { readJsonTypes } from '../reference/json-types.ts';
import { Output, payloadFields } from '../src/output.ts';
import { createProgram } from '../src/program.ts';

afterEach(() => vi.restoreAllMocks());

const commands = visibleCommands(await createProgram());

function helpOf(command: Command): string {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help;
}

test.each(commands)('$name has a help with an example', ({ name, command }) => {
  const help = helpOf(command);
  expect(help).toMatch(new RegExp(`\\$ (.* \\| )?${name}( |$)`, 'm'));
  expect(help).toContain('--json');
});

test.each(commands)('a mistake in the options of $name comes back as an exception', async ({ name }) => {
  const program = await createProgram();
  const parsed = program.parseAsync([...name.split(' ').slice(1), '--no-such-option'], { from: 'user' });
  await expect(parsed).rejects.toMatchObject({ code: expect.stringMatching('^commander[.]') });
});

const leaves = commands.filter(({ command }) => command.commands.length === 0);

test.each(leaves)('what $name prints with --json is declared in src/json', ({ name }) => {
  const declared = [...readJsonTypes().values()].filter(({ commands }) => commands.includes(name));
  expect(declared).not.toEqual([]);
});

const tests = globSync('*.e2e.test.ts', { cwd: import.meta.dirname }).map((file) =>
  readFileSync(join(import.meta.dirname, file), 'utf8'),
);

test.each(leaves)('what $name prints with --json is held to that by a test', ({ name }) => {
  const words = name.replace('peerd ', '');
  const isHeld = tests.some(
    (text) => text.includes(`undocumented('${name}'`) || new RegExp(`^ +'${words}( .*)?',$`, 'm').test(text),
  );
  expect(isHeld || tests.some((text) => text.includes(`await printed('${words} `))).toBe(true);
});

test('what src/json declares belongs to a command, or is the version', () => {
  const named = [...readJsonTypes().values()].flatMap(({ commands }) => commands);
  const names = ['peerd --version', ...leaves.map(({ name }) => name)];
  expect(names).toEqual(expect.arrayContaining(named));
});

test.each([...commands, { name: 'peerd', command: await createProgram() }])(
  'no line of the help of $name is over 80 columns, but for an example',
  ({ command }) => {
    const wide = helpOf(command)
      .split('\n')
      .filter((line) => line.length > 80 && !line.startsWith('  $ '));
    expect(wide).toEqual([]);
  },
);

test('an answer is printed as it is to a pipe, and on a terminal without what could do harm there', () => {
  const { isTTY } = process.stdout;
  const written: (string | Uint8Array)[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(chunk) > 0);
  const answer = Buffer.from('one\r\n\ttwo\u001b]0;title\u0007');
  try {
    process.stdout.isTTY = true;
    new Output(false).raw(answer);
    new Output(false).raw(Buffer.from('ends\n'));
    process.stdout.isTTY = false;
    new Output(false).raw(answer);
  } finally {
    process.stdout.isTTY = isTTY;
  }
  expect(written).toEqual(['one\n\ttwo\ufffd]0;title\ufffd\n', 'ends\n', answer]);
});

test('JSON has no control character as it is, and means the same', () => {
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(`${chunk}`) > 0);
  const object = { name: 'a\u001b[2J\u007f\u009b2Jé' };
  new Output(true).object(object);
  new Output(true).result('', object);
  for (const line of written) {
    expect(line.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(line)).toEqual(object);
  }
  expect(written).toHaveLength(2);
});

test.each([
  ['text', Buffer.from('grüße'), { payload: 'grüße' }],
  ['nothing', Buffer.alloc(0), { payload: '' }],
  ['text with a byte order mark', Buffer.from('\ufeffx'), { payload: '\ufeffx' }],
  ['what is no UTF-8', Buffer.from([0xc3, 0x28]), { payloadBase64: 'wyg=' }],
])('JSON carries %s so that the bytes can be had back', (_, bytes, fields) => {
  expect(payloadFields(bytes)).toEqual(fields);
});

const forged = 'a\u001b[2J\u009b1m\r\nnews 12D3 b\tc\u0000';

test.each([
  ['a terminal shows', true, 'a\ufffd[2J\ufffd1m\\r\\nnews 12D3 b\tc\ufffd\n'],
  ['a pipe gets as it is', false, `${forged}\n`],
])('what a peer says %s', (_, isTTY, expected) => {
  const before = process.stdout.isTTY;
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    process.stdout.isTTY = isTTY;
    new Output(false).line(forged);
    expect(write.mock.calls).toEqual([[expected]]);
  } finally {
    process.stdout.isTTY = before;
  }
});

test('an error of a peer has no control characters but newline and tab', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  new Output(false).failure(new PeerdError('refused', 'no\u001b]0;x\u0007\n\tway'));
  expect(write.mock.calls).toEqual([['peerd: no\ufffd]0;x\ufffd\n\tway (refused)\n']]);
});

test('the help of the program lists what it exits with', async () => {
  let help = '';
  (await createProgram()).configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const statuses = [...help.matchAll(/^ +(\d+) {2}(.+)$/gm)].flatMap(([, status, codes = '']) =>
    codes.split(', ').map((code) => [code, Number(status)]),
  );
  const known = errorCodes.map((code) => [code, exitStatusOf(code)]);
  expect(statuses).toEqual([['done', 0], ...known, ['interrupted', 130]]);
});

test.each([
  ['the command that comes first, alone', ['status', '--name', 'peers'], ['peerd status']],
  ['all, when an option comes first', ['--name', 'status', 'peers'], commands.length],
  ['all, when the command is unknown', ['constructor'], commands.length],
] as const)('what is loaded is %s', async (_, words, expected) => {
  const loaded = visibleCommands(await createProgram(words)).map(({ name }) => name);
  if (typeof expected === 'number') expect(loaded).toHaveLength(expected);
  else expect(loaded).toEqual(expected);
});
