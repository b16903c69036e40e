import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';
import type { NodeTop } from '@peerd/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { bytes, milliseconds, span, whole } from '../src/figures.ts';
import { Screen } from '../src/screen.ts';
import { linesOf } from '../src/top/snapshot.ts';

const top: NodeTop = {
  at: 1_000,
  uptimeMs: 62_000,
  loop: {
    turns: 100,
    inputs: 1_000,
    events: 0,
    commands: 3,
    commandBytes: 2_048,
    oldestCommandMs: 1.5,
    longestWaitMs: 12.34,
    longestTurnMs: 0.5,
  },
  queues: [
    { name: 'topics', unit: 'items', size: 0, limit: 1_000, refused: 0 },
    { name: 'commands', unit: 'items', size: 512, limit: 1_024, refused: 0 },
    { name: 'bytes in flight', unit: 'bytes', size: 1_024, limit: 1 << 28, refused: 7 },
  ],
  counters: [
    { name: 'forged adverts', count: 1_200 },
    { name: 'malformed routes', count: 0 },
  ],
  calls: { outbound: 2, inbound: 1, bytesInFlight: 1_536 },
  clients: [
    {
      id: 4,
      program: 'reader',
      connectedMs: 10,
      calls: 1,
      handlers: 0,
      subscriptions: 1,
      inbound: 0,
      unsentBytes: 5_000_000,
      isPaused: true,
      missed: 12,
    },
  ],
  memory: {
    rssBytes: 150_000_000,
    heapUsedBytes: 50_000_000,
    heapTotalBytes: 60_000_000,
    externalBytes: 1_000,
  },
};

test('top puts the queues that refuse and the full ones first, and marks a client that is held up', async () => {
  expect(await linesOf(top, { daemon: 'alice', before: undefined })).toEqual([
    'daemon   alice, up 1 min 2 s',
    'loop     100 turns, 1,000 inputs',
    '         longest turn 0.50 ms, longest wait 12.3 ms',
    'waiting  3 commands (2.00 KiB), 0 events',
    '         oldest command 1.50 ms',
    'calls    2 out, 1 in, 1.50 KiB in flight',
    'memory   143 MiB, heap 47.7 MiB, buffers 0.98 KiB',
    '',
    'bytes in flight  1.00 KiB  256 MiB   0 %  7',
    'commands              512    1,024  50 %  0',
    'topics                  0    1,000   0 %  0',
    '',
    'forged adverts  1,200',
    '',
    '4  1  0  1  0  4.77 MiB !  12  reader',
  ]);
});

describe('on a terminal', () => {
  const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
  afterEach(() => {
    Object.assign(process.stdout, before);
  });

  async function shown(columns: number): Promise<string[]> {
    Object.assign(process.stdout, { isTTY: true, columns });
    return (await linesOf(top, { daemon: 'alice', before: undefined })).map(stripVTControlCharacters);
  }

  test('that is narrow no line of top is over its edge: facts are folded, lesser columns left out', async () => {
    expect(await shown(40)).toEqual([
      'daemon   alice, up 1 min 2 s',
      'loop     100 turns, 1,000 inputs',
      '         longest turn 0.50 ms,',
      '         longest wait 12.3 ms',
      'waiting  3 commands (2.00 KiB), 0 events',
      '         oldest command 1.50 ms',
      'calls    2 out, 1 in, 1.50 KiB in flight',
      'memory   143 MiB, heap 47.7 MiB,',
      '         buffers 0.98 KiB',
      '',
      'QUEUE                SIZE  FULL  REFUSED',
      'bytes in flight  1.00 KiB   0 %        7',
      'commands              512  50 %        0',
      'topics                  0   0 %        0',
      '',
      'REFUSED OR DROPPED  TIMES',
      'forged adverts      1,200',
      '',
      'CALLS      UNREAD  MISSED  PROGRAM',
      '    1  4.77 MiB !      12  reader',
    ]);
    for (let columns = 36; columns < 90; columns += 1)
      for (const line of await shown(columns)) expect(line.length, line).toBeLessThanOrEqual(columns);
  });

  test('that is wide enough top has all of its columns', async () => {
    expect(await shown(80)).toEqual(
      expect.arrayContaining([
        'QUEUE                SIZE    LIMIT  FULL  REFUSED',
        'CLIENT  CALLS  HANDLERS  TOPICS  IN HAND      UNREAD  MISSED  PROGRAM',
      ]),
    );
  });
});

test('a page clears what was there before each line is written, and gives back the terminal as it was', () => {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(`${text}`);
    return true;
  });
  try {
    const screen = new Screen(() => {});
    screen.show(['one', 'two']);
    screen.close();
  } finally {
    write.mockRestore();
  }
  const [enter = '', page = '', leave = ''] = written;
  expect(page).toBe('\u001b[H\u001b[Kone\n\u001b[Jtwo');
  // The page, the cursor, the wrapping of lines.
  for (const mode of [1049, 25, 7]) expect(`${enter}${leave}`.split(`\u001b[?${mode}`)).toHaveLength(3);
});

test('top tells how much there is in a second once it has two snapshots, and can leave out what is empty', async () => {
  const later = { ...top, at: 3_000, loop: { ...top.loop, turns: 300, inputs: 5_000 } };
  const lines = await linesOf(later, { daemon: 'alice', before: top, brief: true });
  expect(lines[1]).toBe('loop     300 (100/s) turns, 5,000 (2,000/s) inputs');
  expect(lines).toContain('and 1 more, empty: --once shows all');
});

test('figures are short', () => {
  expect([0, 999, 1_000, 10_240, 1 << 20, 5e12].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '0.98 KiB',
    '10.0 KiB',
    '1.00 MiB',
    '4.55 TiB',
  ]);
  expect([0, 999, 1_000, 1_234_567].map(whole)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([0.123, 12.34, 2_500].map(milliseconds)).toEqual(['0.12 ms', '12.3 ms', '2,500 ms']);
  expect([4_200, 192_000, 18_240_000, 1_047_600_000].map(span)).toEqual([
    '4.2 s',
    '3 min 12 s',
    '5 h 4 min',
    '12 d 3 h',
  ]);
});
