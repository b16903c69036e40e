import type { LoopInfo } from '@peerd/protocol';
import type { Inbox } from '../channel/inbox.ts';

/** Worst cases are kept for one to two of these, in ms: long enough to be looked at, short enough to be news. */
const WINDOW_MS = 10_000;

/**
 * Of turns with fewer inputs than this, one in `SAMPLE` is timed: to read the clock again costs a single caller 5 % of
 * its speed, and what holds a short turn up shows in the wait of the next input.
 */
const TIMED_INPUTS = 8;
const SAMPLE = 16;

/** What is looked at of an inbox. */
type Queue = Pick<Inbox<never, never>, 'waiting' | 'scheduledMs' | 'commandBytes'>;

/** The worst of the last one to two windows. */
class Worst {
  #before = 0;
  #now = 0;
  #sinceMs = 0;

  add(value: number, nowMs: number): void {
    if (nowMs - this.#sinceMs >= WINDOW_MS) this.#turn(nowMs);
    if (value > this.#now) this.#now = value;
  }

  at(nowMs: number): number {
    if (nowMs - this.#sinceMs >= WINDOW_MS) this.#turn(nowMs);
    return Math.max(this.#before, this.#now);
  }

  #turn(nowMs: number): void {
    this.#before = nowMs - this.#sinceMs < 2 * WINDOW_MS ? this.#now : 0;
    this.#now = 0;
    this.#sinceMs = nowMs;
  }
}

/** Commands up to this number had come in by then. */
interface Mark {
  readonly upTo: number;
  readonly sinceMs: number;
}

/** Counts what the loop does, by the turn and not by the input. */
export class Meter {
  readonly #inbox: Queue;
  readonly #clock: { now(): number };
  #turns = 0;
  #inputs = 0;
  #commandsTaken = 0;
  #oldestCommandMs = 0;
  /** For the commands that one turn could not take: a few at the most, as each turn takes thousands. */
  #marks: Mark[] = [];
  readonly #turnMs = new Worst();
  readonly #waitMs = new Worst();

  constructor(inbox: Queue, clock: { now(): number }) {
    this.#inbox = inbox;
    this.#clock = clock;
  }

  /** A turn begins; `wasScheduled`: because something came in. */
  begin(nowMs: number, wasScheduled: boolean): void {
    this.#turns += 1;
    const { commands } = this.#inbox.waiting;
    const waitMs = wasScheduled ? Math.max(0, nowMs - this.#inbox.scheduledMs) : 0;
    const [oldest] = this.#marks;
    if (oldest !== undefined) this.#oldestCommandMs = nowMs - oldest.sinceMs;
    else this.#oldestCommandMs = commands > 0 ? waitMs : 0;
    this.#waitMs.add(Math.max(waitMs, this.#oldestCommandMs), nowMs);
  }

  /** It has ended; so many inputs were taken, commands among them. */
  end(beganMs: number, inputs: number, commands: number): void {
    this.#inputs += inputs;
    this.#commandsTaken += commands;
    if (inputs >= TIMED_INPUTS || this.#turns % SAMPLE === 0) {
      const nowMs = this.#clock.now();
      this.#turnMs.add(nowMs - beganMs, nowMs);
    }
    const left = this.#inbox.waiting.commands;
    if (left === 0) {
      if (this.#marks.length > 0) this.#marks = [];
      return;
    }
    this.#marks = this.#marks.filter(({ upTo }) => upTo > this.#commandsTaken);
    const upTo = this.#commandsTaken + left;
    if ((this.#marks.at(-1)?.upTo ?? 0) < upTo) this.#marks.push({ upTo, sinceMs: beganMs });
  }

  info(): LoopInfo {
    const nowMs = this.#clock.now();
    const { events, commands } = this.#inbox.waiting;
    return {
      turns: this.#turns,
      inputs: this.#inputs,
      events,
      commands,
      commandBytes: this.#inbox.commandBytes,
      oldestCommandMs: rounded(this.#oldestCommandMs),
      longestWaitMs: rounded(this.#waitMs.at(nowMs)),
      longestTurnMs: rounded(this.#turnMs.at(nowMs)),
    };
  }
}

/** To the microsecond: what is behind it is the clock's noise. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
