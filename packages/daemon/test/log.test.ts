import { expect, test } from 'vitest';
import { createLog, type LogOptions } from '../src/log/log.ts';
import { LogRing } from '../src/log/ring.ts';

async function logged(options: Omit<LogOptions, 'sink'>) {
  const lines: { level: number; area: string; msg: string }[] = [];
  const sink = { write: (line: string) => lines.push(JSON.parse(line)) > 0 };
  return { log: await createLog({ ...options, sink }), lines };
}

const record = (message: string) => ({
  timeMs: 1,
  level: 'info' as const,
  area: 'daemon',
  message,
  fields: {},
});

test('a level counts for all areas but those that have one of their own', async () => {
  const { log, lines } = await logged({ level: 'warn', areas: { request: 'debug', hello: 'silent' } });
  log.info('quiet');
  log.warn('loud');
  log.debug('detail', { area: 'request' });
  log.error('never', { area: 'hello' });
  expect(lines.map(({ area, msg }) => `${area}: ${msg}`)).toEqual(['daemon: loud', 'request: detail']);
});

test('levels that are set later count from then on, for what is kept too', async () => {
  const { log, lines } = await logged({ level: 'silent' });
  log.error('before');
  log.setLevels({ level: 'info', areas: { request: 'error' } });
  log.info('after');
  log.info('not this', { area: 'request' });
  expect(lines.map(({ msg }) => msg)).toEqual(['after']);
  expect([log.records.end, log.records.at(0)?.message]).toEqual([1, 'after']);
});

test('a record has its area, its fields and its time, and control characters of strangers are gone', async () => {
  const { log, lines } = await logged({ level: 'debug' });
  log.warn('bob said \u001b[2J', { area: 'hello', peer: '12D3' });
  expect(lines).toEqual([
    { level: 40, time: expect.any(Number), area: 'hello', peer: '12D3', msg: 'bob said \ufffd[2J' },
  ]);
  expect(log.records.at(0)).toMatchObject({ level: 'warn', area: 'hello', fields: { peer: '12D3' } });
});

test('what can not be written is counted, and told when writing works again', async () => {
  const written: string[] = [];
  let isFull = false;
  const sink = { write: (line: string) => !isFull && written.push(line) > 0 };
  const log = await createLog({ level: 'info', sink });
  log.info('one');
  isFull = true;
  for (let i = 0; i < 3; i += 1) log.info('lost');
  isFull = false;
  log.info('two');
  expect(written.map((line) => line.replace(/.*"msg":"(.*)".*\n/, '$1'))).toEqual([
    'one',
    '3 records could not be written here',
    'two',
  ]);
  expect(log.records.end).toBe(5);
});

test('the ring keeps the last 2,000 records, and their numbers', () => {
  const ring = new LogRing();
  for (let i = 0; i < 5_000; i += 1) ring.push(record(`${i}`));
  expect([ring.first, ring.end]).toEqual([3_000, 5_000]);
  expect(ring.at(2_999)).toBeUndefined();
  expect(ring.at(3_000)?.message).toBe('3000');
});

test('the ring keeps 1 MiB at most, however long its records are', () => {
  const ring = new LogRing();
  for (let i = 0; i < 100; i += 1) ring.push(record('x'.repeat(50_000)));
  expect(ring.end - ring.first).toBe(10);
  ring.push(record('x'.repeat(5_000_000)));
  expect(ring.end - ring.first).toBe(1);
});
