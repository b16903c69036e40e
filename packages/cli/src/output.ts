import process from 'node:process';
import { exitStatusOf, PeerdError, printable } from '@peerd/protocol';
import type { ErrorJson, FailureJson } from './json/program.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes in JSON: `payload` when they are UTF-8 text, else `payloadBase64`. Always exactly one of the two. */
export type PayloadFields = { payload: string } | { payloadBase64: string };

export function payloadFields(bytes: Uint8Array): PayloadFields {
  try {
    return { payload: strict.decode(bytes) };
  } catch {
    return { payloadBase64: Buffer.from(bytes).toString('base64') };
  }
}

/** A time as JSON has it: a microsecond is as fine as anything here is measured. */
export function jsonMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

export function errorJson(error: unknown): ErrorJson {
  const { code, message, candidates } = PeerdError.from(error);
  return { code, message, ...(candidates.length > 0 ? { candidates: [...candidates] } : {}) };
}

/** A stranger's text on one line, so that no part of it passes for a line of ours. */
export function oneLine(text: string): string {
  return text.replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}

/** The same, and nothing in it can do harm to a terminal. */
export function inertLine(text: string): string {
  return printable(oneLine(text));
}

/** The control characters that JSON leaves as they are, and that some terminals take for the start of a sequence. */
const bareControls = /[\u007f-\u009f]/g;

function inertJson(object: object): string {
  const escaped = (control: string) => `\\u00${control.charCodeAt(0).toString(16)}`;
  return JSON.stringify(object).replace(bareControls, escaped);
}

/** Lines that say what was meant, perhaps: a short prefix of an id fits whole networks. */
const maxCandidates = 20;

/** Where a command's result goes: standard output, as text or (`--json`) as one object a line. */
export class Output {
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** The result in either form. */
  result(text: string, object: object): void {
    process.stdout.write(this.json ? `${inertJson(object)}\n` : `${text}\n`);
  }

  object(object: object): void {
    process.stdout.write(`${inertJson(object)}\n`);
  }

  text(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** One line with text of the far side in it: as it is, but on a terminal without what could do harm there. */
  line(text: string): void {
    this.text(process.stdout.isTTY ? inertLine(text) : text);
  }

  /**
   * Bytes of the far side as they are; on a terminal as text without what could do harm there, and with a line's end, so that
   * the prompt stands clear.
   */
  raw(bytes: Uint8Array): void {
    if (!process.stdout.isTTY) process.stdout.write(bytes);
    else
      this.text(printable(Buffer.from(bytes).toString('utf8').replaceAll('\r\n', '\n')).replace(/\n$/, ''));
  }

  /** For the person, on standard error; with `--json` too. Parts of it may be the far side's words. */
  note(text: string): void {
    process.stderr.write(`${printable(text)}\n`);
  }

  /** Says what went wrong and returns the exit status for it. With `--json` it goes to standard output. */
  failure(error: unknown): number {
    const { code, message, candidates } = PeerdError.from(error);
    const status = exitStatusOf(code);
    // Also when nobody reads what is written next.
    process.exitCode = status;
    if (this.json) this.object({ error: errorJson(error) } satisfies FailureJson);
    else {
      this.note(`peerd: ${message} (${code})`);
      const unsaid = candidates.filter((candidate) => !message.includes(candidate));
      for (const candidate of unsaid.slice(0, maxCandidates)) this.note(`  ${oneLine(candidate)}`);
      if (unsaid.length > maxCandidates)
        this.note(`  and ${unsaid.length - maxCandidates} more (--json has them)`);
    }
    return status;
  }
}
