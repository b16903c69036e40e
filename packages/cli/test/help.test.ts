import process from 'node:process';
import { PeerdError } from '@peerd/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { Output, payloadFields } from '../src/output.ts';
import { createProgram } from '../src/program.ts';

afterEach(() => vi.restoreAllMocks());

test.each(createProgram().commands.map((command) => command.name()))(
  '%s has a help with an example',
  (name) => {
    let help = '';
    const program = createProgram();
    const command = program.commands.find((each) => each.name() === name) ?? expect.unreachable();
    command.configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    expect(help).toContain(`$ peerd ${name}`);
    expect(help).toContain('--json');
  },
);

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

test('the help of the program lists what it exits with', () => {
  let help = '';
  createProgram()
    .configureOutput({ writeOut: (text) => (help += text) })
    .outputHelp();
  expect(help).toContain('130 interrupted');
});
