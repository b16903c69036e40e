import { dirname, resolve } from 'node:path';
import { PeerdError } from '@peerd/protocol';
import { type AST, getStaticTOMLValue, ParseError, parseTOML } from 'toml-eslint-parser';
import type { RawConfig } from './schema.ts';
import type { ConfigSource } from './sources.ts';

/** A configuration file's text as a source that knows the line of every key. Fails with `invalid`, FILE:LINE. */
export function tomlSource(file: string, text: string): ConfigSource {
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(text, { filePath: file });
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    throw new PeerdError('invalid', `${file}:${cause.lineNumber}: ${cause.message}`, { cause });
  }
  const lines = new Map<string, number>();
  for (const node of program.body[0].body) {
    if (node.type === 'TOMLKeyValue') addKeyValue(lines, [], node);
    else {
      lines.set(keyOf(node.resolvedKey), node.loc.start.line);
      for (const each of node.body) addKeyValue(lines, node.resolvedKey, each);
    }
  }
  checkNames(file, lines);
  const lineOf = (path: Path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const line = lines.get(keyOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  };
  return {
    values: withAbsolutePaths(getStaticTOMLValue(program) as RawConfig, dirname(resolve(file))),
    where(path) {
      const line = lineOf(path);
      return line === undefined ? file : `${file}:${line}`;
    },
    position: (path) => lineOf(path) ?? 0,
  };
}

/** To the parser this key of a table would be the prototype of all of them. */
function checkNames(file: string, lines: ReadonlyMap<string, number>): void {
  for (const [key, line] of lines) {
    const path = key.split('\0');
    if (!path.includes('__proto__')) continue;
    throw new PeerdError(
      'invalid',
      `${file}:${line}: ${path.join('.')}: __proto__ can't be the name of a key`,
    );
  }
}

type Path = readonly PropertyKey[];

function keyOf(path: Path): string {
  return path.map(String).join('\0');
}

function addKeyValue(lines: Map<string, number>, prefix: Path, node: AST.TOMLKeyValue): void {
  const path = [...prefix];
  for (const key of node.key.keys) {
    path.push(key.type === 'TOMLBare' ? key.name : key.value);
    // A dotted key makes the tables before it; the first mention is where a reader would look.
    if (!lines.has(keyOf(path))) lines.set(keyOf(path), key.loc.start.line);
  }
  addContent(lines, path, node.value);
}

function addContent(lines: Map<string, number>, path: Path, node: AST.TOMLContentNode): void {
  if (node.type === 'TOMLInlineTable') for (const each of node.body) addKeyValue(lines, path, each);
  if (node.type === 'TOMLArray')
    for (const [index, element] of node.elements.entries()) {
      lines.set(keyOf([...path, index]), element.loc.start.line);
      addContent(lines, [...path, index], element);
    }
}

/** A file means the same wherever it is read from. */
function withAbsolutePaths(values: RawConfig, folder: string): RawConfig {
  const paths = Object.entries(values)
    .filter(([key]) => key === 'data' || key === 'socket')
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '')
    .map(([key, path]) => [key, resolve(folder, path)]);
  return { ...values, ...Object.fromEntries(paths) };
}
