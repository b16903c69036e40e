import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { keysBelow, secretKeys } from './schema.ts';

/** One thing that is wrong with a configuration. */
export interface Mistake {
  /** With its place and key. */
  readonly line: string;
  /** Where it stands among those of its source. */
  readonly position: number;
}

/** Where the values of a source stand. */
interface Places {
  where(path: readonly PropertyKey[]): string;
  position(path: readonly PropertyKey[]): number;
}

/** What the check of a source found, and the value that it found it in. */
export function mistakesOf(source: Places, issue: z.core.$ZodIssue, value: unknown): Mistake[] {
  const at = (path: readonly PropertyKey[], text: string) => ({
    line: `${source.where(path)}: ${text}`,
    position: source.position(path),
  });
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return at(path, `unknown key ${path.join('.')}: ${advice(key, issue.path)}`);
    });
  const { path, message } = issue;
  const key = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  const isSecret = secretKeys.some((secret) => secret === path[0]);
  const found = isSecret ? '' : `, found ${nameOf(value)}`;
  return [at(path, `${key === '' ? 'the configuration' : key.slice(1)}: ${message}${found}`)];
}

/** What a value should have been, where its key says nothing more exact. */
export function expectationOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${alternatives(issue.values.map((value) => JSON.stringify(value)))}`;
    case 'too_small':
      return `expected a whole number from ${issue.minimum} up`;
    case 'too_big':
      return `expected a whole number up to ${issue.maximum}`;
    default:
      return undefined;
  }
}

/** All numbers of the configuration are whole; text without quotes is a mistake that only a file can have. */
const kinds: Readonly<Record<string, string>> = {
  string: 'text in quotes',
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list in brackets',
  object: 'a table',
  record: 'a table',
};

/** Characters of a text that tell which one it is: the rest of a long one is left out. */
const shownLength = 60;

function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > shownLength ? `${value.slice(0, shownLength)}…` : value);
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function advice(key: string, parent: readonly PropertyKey[]): string {
  const known = keysBelow(parent);
  const close = nearest(key, known);
  return close.length > 0 ? `did you mean ${close.join(' or ')}?` : `known keys are ${known.join(', ')}`;
}
