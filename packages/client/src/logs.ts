import { countOf } from './ask.ts';
import type { Session } from './session.ts';
import { answersTo } from './stream.ts';

export interface LogsOptions {
  /** Only the last so many of those that are there, from 0 up. Default: all that the daemon has kept. */
  last?: number | undefined;
  /** From this level up. Default: all that is logged. */
  level?: LogRecord['level'] | undefined;
  /** What the records are about: `hello`, `request`, … Default: everything. One that the daemon does not know is `invalid`. */
  areas?: readonly string[] | undefined;
  /** Goes on with what is logged from now on. Default: false. */
  follow?: boolean | undefined;
  /** Ends the iteration; it then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface LogRecord {
  /** Unix time. */
  readonly timeMs: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly area: string;
  readonly message: string;
  /** What else is known, for machines. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Records, of any level and area, that the daemon had to drop before this one because this reader was slow. */
  readonly missed: number;
}

export async function* logs(
  session: Session,
  options: LogsOptions,
): AsyncGenerator<LogRecord, void, undefined> {
  const { last, level = '', areas = [], follow = false, signal } = options;
  const count = last === undefined ? {} : { last: countOf('last', last, 0) };
  const value = { level, areas: [...areas], follow, ...count };
  const about = { kind: 'logs', again: false };
  const body = () => ({ case: 'logs', value }) as const;
  for await (const answer of answersTo(session, { about, body, signal }))
    yield JSON.parse(Buffer.from(answer.buffer, answer.byteOffset, answer.length).toString('utf8'));
}
