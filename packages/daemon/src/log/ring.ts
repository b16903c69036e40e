import type { LogLevel } from './levels.ts';

/** What was logged, once. */
export interface LogRecord {
  /** Unix time. */
  readonly timeMs: number;
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly area: string;
  readonly message: string;
  /** What else is known, for machines. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A session of work on a quiet daemon, or the last minutes of a busy one. */
const maxRecords = 2_000;

/** Bytes of these, about: what a daemon may take for being asked what happened. */
const maxBytes = 1024 * 1024;

/** What a record takes beside its texts. */
const recordBytes = 200;

interface Kept {
  readonly record: LogRecord;
  readonly bytes: number;
}

/** The last records. They are numbered from 0 on, so that each reader knows where it is and what it has missed. */
export class LogRing {
  readonly #kept: Kept[] = [];
  #first = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  push(record: LogRecord): void {
    const bytes = recordBytes + 2 * record.message.length + 2 * JSON.stringify(record.fields).length;
    this.#kept.push({ record, bytes });
    this.#bytes += bytes;
    while (this.#kept.length > maxRecords || (this.#bytes > maxBytes && this.#kept.length > 1)) {
      this.#bytes -= this.#kept.shift()?.bytes ?? 0;
      this.#first += 1;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** The number of the oldest that is kept. */
  get first(): number {
    return this.#first;
  }

  /** The number that the next one will have. */
  get end(): number {
    return this.#first + this.#kept.length;
  }

  at(number: number): LogRecord | undefined {
    return this.#kept[number - this.#first]?.record;
  }

  /** Resolves when there is a record of that number, or the signal is aborted. */
  async reaches(number: number, signal: AbortSignal): Promise<void> {
    while (this.end <= number && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      const left = () => resolve();
      signal.addEventListener('abort', left, { once: true });
      await promise;
      signal.removeEventListener('abort', left);
    }
  }
}
