// Reads the declarations in packages/cli/src/json, for the page that shows them and the test that holds the commands to
// them. It knows the few forms these files use, and fails on any other.
import { readdirSync, readFileSync } from 'node:fs';

export interface Field {
  name: string;
  optional: boolean;
  /** As it is written: `string`, `number`, `boolean`, `null`, a literal, a declared name, `X[]`, `unknown`, or several with `|`. */
  type: string;
}

export interface JsonType {
  name: string;
  /** The commands that print it, as in its comment: `peerd status`. None for a part of another type. */
  commands: string[];
  fields: Field[];
  /** The declaration with its comments. */
  source: string;
}

const folder = new URL('../src/json/', import.meta.url);
const files = readdirSync(folder).sort();

export function readJsonTypes(): Map<string, JsonType> {
  const types = new Map<string, JsonType>();
  let comment = '';
  let open: JsonType | undefined;
  const lines = files.flatMap((file) =>
    readFileSync(new URL(file, folder), 'utf8')
      .split('\n')
      .map((line) => ({ file, line })),
  );
  for (const { file, line } of lines) {
    const field = /^ {2}(\w+)(\??): (.+);$/.exec(line);
    const start = /^export interface (\w+) \{$/.exec(line);
    if (open !== undefined) {
      open.source += `${line}\n`;
      if (line === '}') open = undefined;
      else if (field)
        open.fields.push({ name: field[1] ?? '', optional: field[2] === '?', type: field[3] ?? '' });
      else if (!/^ +\/?\*/.test(line)) throw new Error(`json/${file} has a line of an unknown form: ${line}`);
    } else if (start) {
      const name = start[1] ?? '';
      const commands = [...comment.matchAll(/`(peerd [a-z -]+)`/g)].map(([, command = '']) => command);
      open = { name, commands, fields: [], source: `${comment}${line}\n` };
      types.set(name, open);
      comment = '';
    } else if (/^(\/\*\*| \*)/.test(line)) comment += `${line}\n`;
    else if (line !== '' && !/^(\/\/|import type )/.test(line))
      throw new Error(`json/${file} has a line of an unknown form: ${line}`);
  }
  return types;
}

/** The types that a command prints, and the parts of these, in the order of the files. */
export function typesOf(command: string, types: ReadonlyMap<string, JsonType>): JsonType[] {
  const wanted = new Set<string>();
  const add = (type: JsonType) => {
    wanted.add(type.name);
    for (const field of type.fields)
      for (const name of field.type.match(/\w+/g) ?? []) {
        const part = types.get(name);
        if (part !== undefined && !wanted.has(name)) add(part);
      }
  };
  for (const type of types.values()) if (type.commands.includes(command)) add(type);
  return [...types.values()].filter(({ name }) => wanted.has(name));
}
