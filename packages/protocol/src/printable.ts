/** Control characters of C0 and C1 but for tab and newline: what could move a cursor or start an escape sequence. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A stranger's text, fit for a terminal and a log. */
export function printable(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}
