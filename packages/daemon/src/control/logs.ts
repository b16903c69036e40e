import { logAreas } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { SendWindow } from '@peerd/protocol/control';
import { type LogLevel, logLevels } from '../log/levels.ts';
import type { LogRecord, LogRing } from '../log/ring.ts';
import type { Call } from './call.ts';

export interface LogsRequest {
  last?: number | undefined;
  level: string;
  areas: readonly string[];
  follow: boolean;
}

/**
 * Sends what was logged, and with `follow` what will be. The ring is the queue: a client that does not read falls
 * behind in it, and is told with the next record how many it has lost.
 */
export async function sendLogs(call: Call, ring: LogRing, request: LogsRequest): Promise<void> {
  const { last, follow } = request;
  const matches = matcher(request);
  const window = new SendWindow();
  call.window = window;
  call.signal.addEventListener('abort', () => window.close(), { once: true });
  const end = ring.end;
  let next = last === undefined ? ring.first : firstOfLast(ring, last, matches);
  let missed = 0;
  for (;;) {
    if (follow) await ring.reaches(next, call.signal);
    if (call.signal.aborted || (!follow && next >= end)) break;
    missed += Math.max(0, ring.first - next);
    next = Math.max(next, ring.first);
    const record = ring.at(next);
    next += 1;
    if (record === undefined || !matches(record)) continue;
    const payload = Buffer.from(JSON.stringify({ ...record, missed }));
    missed = 0;
    window.sent(payload);
    call.send({ case: 'answer', value: { payload } });
    await window.room();
    await call.room();
  }
  call.send({ case: 'done', value: {} });
}

function matcher({ level, areas }: LogsRequest): (record: LogRecord) => boolean {
  const least = logLevels.indexOf((level === '' ? 'debug' : level) as LogLevel);
  if (least < 0)
    throw new PeerdError('invalid', `${JSON.stringify(level)} is no level: ${logLevels.join(', ')} are`);
  const known: readonly string[] = logAreas;
  for (const area of areas)
    if (!known.includes(area))
      throw new PeerdError(
        'invalid',
        `${JSON.stringify(area)} is no area of the log: ${known.join(', ')} are`,
      );
  return (record) =>
    logLevels.indexOf(record.level) >= least && (areas.length === 0 || areas.includes(record.area));
}

/** Where the last so many records begin that match. */
function firstOfLast(ring: LogRing, last: number, matches: (record: LogRecord) => boolean): number {
  let first = ring.end;
  for (let left = last; left > 0 && first > ring.first; ) {
    first -= 1;
    const record = ring.at(first);
    if (record !== undefined && matches(record)) left -= 1;
  }
  return first;
}
