import { type JsonType, readJsonTypes } from '../reference/json-types.ts';

const types: ReadonlyMap<string, JsonType> = readJsonTypes();

/** What is different between a value and the documented type of that name; nothing when it is as documented. */
function differences(value: unknown, name: string): string[] {
  const type = types.get(name);
  return type === undefined ? [`no type ${name} is documented`] : compare(value, type, name);
}

/** The documented type that an object of a command is: the one whose `event` it has, or the only one. */
function typeOf(command: string, value: object): string {
  const all = [...types.values()].filter((type) => type.commands.includes(command));
  if (Object.keys(value).join() === 'error') return 'FailureJson';
  const event = 'event' in value ? `'${value.event}'` : undefined;
  const fits = all.filter(({ fields }) => {
    const documented = fields.find((field) => field.name === 'event')?.type;
    return event === undefined ? documented === undefined : documented?.split(' | ').includes(event);
  });
  const [one, another] = fits;
  if (one === undefined || another !== undefined)
    throw new Error(`${fits.length} documented types of ${command} fit ${JSON.stringify(value)}`);
  return one.name;
}

/** What is different between the objects that a command printed and what is documented of it. */
export function undocumented(command: string, printed: Buffer | string): string[] {
  const lines = `${printed}`.split('\n').filter((line) => line !== '');
  if (lines.length === 0) return ['nothing was printed'];
  return lines.flatMap((line) => {
    const value = JSON.parse(line);
    return differences(value, typeOf(command, value));
  });
}

function compare(value: unknown, type: JsonType, place: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${place} is no object`];
  const object = value as Record<string, unknown>;
  const known = new Set(type.fields.map(({ name }) => name));
  const added = Object.keys(object).filter((key) => !known.has(key));
  return [
    ...added.map((key) => `${place}.${key} is not documented`),
    ...type.fields.flatMap(({ name, optional, type: text }) => {
      const inside = `${place}.${name}`;
      if (!(name in object)) return optional ? [] : [`${inside} is missing`];
      return fits(object[name], text, inside);
    }),
  ];
}

function fits(value: unknown, text: string, place: string): string[] {
  const alternatives = text.split(' | ').map((each) => matches(value, each, place));
  if (alternatives.some((found) => found.length === 0)) return [];
  return alternatives.length === 1
    ? (alternatives[0] ?? [])
    : [`${place} is ${JSON.stringify(value)}, not ${text}`];
}

function matches(value: unknown, text: string, place: string): string[] {
  if (text.endsWith('[]')) {
    if (!Array.isArray(value)) return [`${place} is no list`];
    return value.flatMap((each, index) => matches(each, text.slice(0, -2), `${place}[${index}]`));
  }
  if (text === 'unknown') return [];
  const declared = types.get(text);
  if (declared !== undefined) return compare(value, declared, place);
  const ok =
    text === 'null' ? value === null : text.startsWith("'") ? `'${value}'` === text : typeof value === text;
  return ok ? [] : [`${place} is ${JSON.stringify(value)}, not ${text}`];
}
