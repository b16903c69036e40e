import type { LogRecord, LogsOptions } from '@peerd/client';
import { logAreas } from '@peerd/core';
import { streamWindow } from '@peerd/protocol/control';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FakeDaemon, fakePair } from './control-pair.ts';

let daemon: FakeDaemon;
let close: () => Promise<unknown>;
beforeEach(async () => {
  const { a, b } = await fakePair();
  daemon = a;
  close = () => Promise.all([a.close(), b.close()]);
});
afterEach(() => close());

function log(message: string, level: 'debug' | 'info' | 'warn' | 'error' = 'info', area = 'daemon') {
  daemon.records.push({ timeMs: 1, level, area, message, fields: { n: 1 } });
}

async function texts(records: AsyncIterable<LogRecord>): Promise<string[]> {
  const all = [];
  for await (const { message } of records) all.push(message);
  return all;
}

test('what is there comes in order, whole', async () => {
  log('one');
  log('two', 'warn', 'hello');
  await using node = await daemon.connect();
  const all = [];
  for await (const each of node.logs()) all.push(each);
  expect(all).toEqual([
    { timeMs: 1, level: 'info', area: 'daemon', message: 'one', fields: { n: 1 }, missed: 0 },
    { timeMs: 1, level: 'warn', area: 'hello', message: 'two', fields: { n: 1 }, missed: 0 },
  ]);
});

test.each<[LogsOptions, string[]]>([
  [{ level: 'warn' }, ['b', 'd']],
  [{ areas: ['hello'] }, ['c', 'd']],
  [{ areas: ['hello'], level: 'error' }, ['d']],
  [{ last: 2 }, ['c', 'd']],
  [{ last: 1, level: 'warn' }, ['d']],
  [{ last: 0 }, []],
  [{ last: 100 }, ['a', 'b', 'c', 'd']],
])('%j picks %j', async (options, expected) => {
  log('a');
  log('b', 'warn');
  log('c', 'info', 'hello');
  log('d', 'error', 'hello');
  await using node = await daemon.connect();
  expect(await texts(node.logs(options))).toEqual(expected);
});

test('a level that is none is invalid', async () => {
  await using node = await daemon.connect();
  await expect(texts(node.logs({ level: 'loud' as never }))).rejects.toMatchObject({ code: 'invalid' });
});

test('an area that is none is invalid, with those that there are, also when it is followed', async () => {
  await using node = await daemon.connect();
  const failure = { code: 'invalid', message: `"nosuch" is no area of the log: ${logAreas.join(', ')} are` };
  const areas = ['hello', 'nosuch'];
  await expect(texts(node.logs({ areas }))).rejects.toMatchObject(failure);
  await expect(texts(node.logs({ areas, follow: true }))).rejects.toMatchObject(failure);
});

test.each([-1, 1.5, Number.NaN, '2' as never])('the last %j records are invalid', async (last) => {
  await using node = await daemon.connect();
  const message = `last is ${last}: expected a whole number from 0 up`;
  await expect(texts(node.logs({ last }))).rejects.toMatchObject({ code: 'invalid', message });
});

test('following goes on with what comes, until the reader leaves', async () => {
  log('old');
  await using node = await daemon.connect();
  const heard = [];
  for await (const { message } of node.logs({ follow: true, last: 1 })) {
    heard.push(message);
    if (message === 'old') log('new');
    else break;
  }
  expect(heard).toEqual(['old', 'new']);
});

test('following ends with the reason of its signal, and with the daemon', async () => {
  await using node = await daemon.connect({ reconnect: false });
  const controller = new AbortController();
  const following = texts(node.logs({ follow: true, signal: controller.signal }));
  controller.abort(new Error('enough'));
  await expect(following).rejects.toThrow('enough');
  const other = expect(texts(node.logs({ follow: true }))).rejects.toMatchObject({ code: 'stopped' });
  await daemon.close();
  await other;
});

test('a reader that is slow is told what was dropped, and the daemon keeps no more for it', async () => {
  await using node = await daemon.connect();
  const records = node.logs({ follow: true })[Symbol.asyncIterator]();
  log('first');
  expect((await records.next()).value).toMatchObject({ message: 'first', missed: 0 });
  // More than its credit and the ring together hold.
  const text = 'x'.repeat(1_000);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 10_000; i += 1) {
    log(text);
    if (i % 100 === 0) await turn();
  }
  log('last');
  let heard = 1;
  let missed = 0;
  for (let last = ''; last !== 'last'; heard += 1) {
    const { value } = await records.next();
    last = value?.message ?? '';
    missed += value?.missed ?? 0;
  }
  expect(missed).toBeGreaterThan(0);
  expect(heard + missed).toBe(10_002);
  expect(heard * text.length).toBeLessThan(streamWindow + 2 * 1024 * 1024);
  await records.return?.();
});
