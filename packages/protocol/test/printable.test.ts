import { expect, test } from 'vitest';
import { printable } from '../src/index.ts';

test.each([
  ['plain text, with 中文 and é', 'plain text, with 中文 and é'],
  ['tab\tand\nnewline', 'tab\tand\nnewline'],
  ['\u001b[2Jcleared', '\ufffd[2Jcleared'],
  ['\rover', '\ufffdover'],
  ['\u007f\u009b31m', '\ufffd\ufffd31m'],
])('a terminal is shown %j as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});
