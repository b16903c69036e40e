import { expect, test } from 'vitest';
import { payloadFields } from '../src/output.ts';
import { createProgram } from '../src/program.ts';

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
