import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loopbackLast } from '../src/commands/peers.ts';
import { idCell, table } from '../src/table.ts';

const id = '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV';
const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
beforeEach(() => {
  Object.assign(process.stdout, { isTTY: true, columns: 24 });
});
afterEach(() => {
  Object.assign(process.stdout, before);
});

test('a terminal gets a header, aligned columns by what they take there, and no line over its edge', async () => {
  const rows = [
    ['日本', 'one'],
    ['a\u001b[2Jb\n', 'a text that is too long for it'],
  ];
  expect((await table(['NAME', 'TEXT'], rows)).map(stripVTControlCharacters)).toEqual([
    'NAME      TEXT',
    '日本      one',
    'a\ufffd[2Jb\\n  a text that i…',
  ]);
});

test('a column that is cut first leaves room for those after it', async () => {
  const rows = [
    ['a', 'a text that is too long', 'file'],
    ['b', '日本日本日本日本', 'default'],
  ];
  expect((await table(['K', 'V', 'FROM'], rows, { narrow: 1 })).map(stripVTControlCharacters)).toEqual([
    'K  V             FROM',
    'a  a text that…  file',
    'b  日本日本日…   default',
  ]);
});

test('columns that there is no room for go one by one, once the one that is cut is as narrow as it may be', async () => {
  const rows = [['1', 'a', 'two thousand', 'a text that is too long']];
  const at = async (columns: number) => {
    Object.assign(process.stdout, { columns });
    const lines = await table(['N', 'TWO', 'THREE', 'TEXT'], rows, { narrow: 3, drop: [2, 0] });
    return lines.map(stripVTControlCharacters);
  };
  expect(await at(34)).toEqual(['N  TWO  THREE         TEXT', '1  a    two thousand  a text that…']);
  expect(await at(33)).toEqual(['N  TWO  TEXT', '1  a    a text that is too long']);
  expect(await at(19)).toEqual(['TWO  TEXT', 'a    a text that i…']);
});

test('a pipe gets whole rows and no header', async () => {
  process.stdout.isTTY = false;
  expect(await table(['NAME', 'TEXT'], [[idCell(id), 'a text that is too long for a terminal']])).toEqual([
    `${id}  a text that is too long for a terminal`,
  ]);
});

test('a row is one line for a pipe too, whatever a stranger calls things', async () => {
  process.stdout.isTTY = false;
  expect(await table(['PEERS', 'TOPIC'], [['1', 'news\n9  fake\r\u001b']])).toEqual([
    '1  news\\n9  fake\\r\u001b',
  ]);
});

test('a terminal gets as much of an id as one has to type', () => {
  expect(idCell(id)).toBe('12D3KooWQK1wnefo');
});

test('of the addresses of a peer those of this machine come last', () => {
  const [here, here6] = ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'];
  const [near, far] = ['/ip4/192.0.2.7/tcp/1', '/dns4/example.org/tcp/1'];
  expect(loopbackLast([here, near, here6, far])).toEqual([near, far, here, here6]);
});
