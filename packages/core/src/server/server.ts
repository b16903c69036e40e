import { type NodeTop, PeerdError } from '@peerd/protocol';
import type { Inbox } from '../channel/inbox.ts';
import { MAX_TIMER_MS } from '../timeout.ts';
import { COMMAND_BYTES_QUEUE, COMMANDS_QUEUE, type CoreConfig, type NodeCore } from './core.ts';
import { type Command, type Event, type Input, payloadBytes, reject } from './messages.ts';
import { Meter } from './meter.ts';

/**
 * What one turn takes from each lane; it then ends, so that sockets are read and timers run. At 1 to 3 us an
 * input, a full turn stays under 10 ms.
 */
const TURN_INPUTS = 2_048;
const TURN_BYTES = 4 * 1024 * 1024;

/**
 * With this many inputs in a lane the turn writes what there is after the first half: the other side works on it
 * while the second half is worked out here. With fewer, and with more parts, the packets cost more than is won.
 */
const SPLIT_INPUTS = 64;

/**
 * A tick that comes this much after the time it was due means that the process stood still (SIGSTOP, a suspended
 * machine). What lies in the sockets by then came in time: it goes before the deadlines that seem to have passed.
 */
const LATE_TICK_MS = 1_000;

/**
 * What is dated is judged by the wall clock. By so many ms it may go another way than the loop's time (it is set, or the
 * machine was suspended) before the state is told.
 */
const DATE_STEP_MS = 1_000;

export interface Clock {
  /** Ms. It should be monotonic; a step back counts as no time at all. */
  now(): number;
  /** Ms since 1970, as others count them. */
  date(): number;
}

/** Sees every input in the order in which the loop takes it, and where turns begin and end. */
export interface Recorder {
  /** The run begins, with the state that this configuration gives at this time. */
  begin(config: CoreConfig, startedMs: number): void;
  turn(nowMs: number): void;
  input(input: Input): void;
  /** The last turn is over; the state is as the inputs have left it, with nothing settled by stopping yet. */
  end(snapshot: Record<string, unknown>): void;
}

/**
 * The loop. It owns the node's state: takes what has come in, one at a time, and has it dispatched; nothing
 * else touches the state. It never waits for I/O: drivers start it, and its outcome comes back as an event.
 */
export class ServerLoop {
  readonly inbox: Inbox<Event, Command>;
  readonly #core: NodeCore;
  readonly #clock: Clock;
  readonly #recorder: Recorder | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  readonly #splitInputs: number;
  #clockMs: number;
  #dateOffsetMs = Number.POSITIVE_INFINITY;
  readonly #meter: Meter;
  /** What the log has heard of. */
  readonly #refusedTold = { items: 0, bytes: 0 };

  /** With `isWhole` a turn is not written in halves. */
  constructor(
    inbox: Inbox<Event, Command>,
    core: NodeCore,
    clock: Clock,
    recorder?: Recorder,
    isWhole = false,
  ) {
    this.inbox = inbox;
    this.#core = core;
    this.#clock = clock;
    this.#recorder = recorder;
    this.#clockMs = clock.now();
    this.#meter = new Meter(inbox, clock);
    this.#splitInputs = isWhole ? Number.POSITIVE_INFINITY : SPLIT_INPUTS;
  }

  /** How it keeps up, and how full the queue into it is. */
  get load(): Pick<NodeTop, 'loop' | 'queues'> {
    const { refused, limits, waiting, commandBytes } = this.inbox;
    return {
      loop: this.#meter.info(),
      queues: [
        {
          name: COMMANDS_QUEUE,
          unit: 'items',
          size: waiting.commands,
          limit: limits.maxCommands,
          refused: refused.items,
        },
        {
          name: COMMAND_BYTES_QUEUE,
          unit: 'bytes',
          size: commandBytes,
          limit: limits.maxCommandBytes,
          refused: refused.bytes,
        },
      ],
    };
  }

  /** Runs until the inbox is closed. */
  async run(): Promise<void> {
    try {
      // What keys were made of must not lie about for as long as the node runs; only a replay needs it.
      if (this.#recorder === undefined) this.#core.config.entropy.fill(0);
      else this.#recorder.begin(this.#core.config, this.#core.startedMs);
      while (!this.inbox.isClosed) {
        await this.inbox.ready();
        this.#turn(true);
        // What it set free often asks or answers at once: that goes out in the same turn of Node's event loop. Once,
        // or sockets would starve.
        await microtasks();
        if (!this.inbox.isEmpty) this.#turn(false);
      }
      this.#recorder?.end(this.#core.snapshot());
    } finally {
      clearTimeout(this.#timer);
      // Also when a fault has ended it: nobody is left waiting.
      this.#core.stop();
    }
  }

  /** Ticks go first, then what the network brings, then what users ask; each lane has its own budget. */
  #turn(wasScheduled: boolean): void {
    this.#passTime();
    this.#recorder?.turn(this.#core.nowMs);
    const beganMs = this.#clockMs;
    this.#meter.begin(beganMs, wasScheduled);
    this.#tellDate();
    this.#tellRefused();
    const isTicking = this.inbox.takeTick();
    const isLate = isTicking && this.#core.nowMs - this.#core.nextTickMs > LATE_TICK_MS;
    if (isTicking && !isLate) this.#take({ type: 'tick' });
    const { events, commands } = this.inbox.waiting;
    const eventsTaken = this.#drain(events, () => this.inbox.takeEvent());
    if (isLate) this.#take({ type: 'tick' });
    const commandsTaken = this.#drain(commands, () => this.inbox.takeCommand());
    if (this.#core.flush()) this.inbox.wake();
    this.#arm();
    this.#meter.end(beganMs, eventsTaken + commandsTaken, commandsTaken);
  }

  #passTime(): void {
    const clockMs = this.#clock.now();
    this.#core.nowMs += Math.max(0, clockMs - this.#clockMs);
    this.#clockMs = clockMs;
  }

  #tellDate(): void {
    const offsetMs = this.#clock.date() - this.#core.nowMs;
    if (Math.abs(offsetMs - this.#dateOffsetMs) < DATE_STEP_MS) return;
    this.#dateOffsetMs = offsetMs;
    this.#take({ type: 'loop/date', offsetMs });
  }

  /** Callers heard of it at once; this is for the log, and for who watches. */
  #tellRefused(): void {
    const { items, bytes } = this.inbox.refused;
    const told = this.#refusedTold;
    if (items > told.items) this.#take({ type: 'loop/refused', unit: 'items', times: items - told.items });
    if (bytes > told.bytes) this.#take({ type: 'loop/refused', unit: 'bytes', times: bytes - told.bytes });
    told.items = items;
    told.bytes = bytes;
  }

  /** Returns how many it took. */
  #drain(waiting: number, next: () => Input | undefined): number {
    const half = waiting < this.#splitInputs ? Number.POSITIVE_INFINITY : waiting >> 1;
    let inputs = 0;
    for (let bytes = 0; inputs < TURN_INPUTS && bytes < TURN_BYTES; inputs += 1) {
      const input = next();
      if (input === undefined) break;
      bytes += payloadBytes(input);
      this.#take(input);
      if (inputs + 1 !== half) continue;
      this.#core.flush();
      // What is flushed apart is a turn of its own to whoever replays it.
      this.#recorder?.turn(this.#core.nowMs);
    }
    return inputs;
  }

  #take(input: Input): void {
    this.#recorder?.input(input);
    this.#core.step(input);
  }

  /** Has a tick sent when the next deadline of any feature comes. */
  #arm(): void {
    const nextMs = this.#core.nextTickMs;
    if (nextMs === this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    // A tick that comes early finds nothing due.
    const delayMs = Math.min(MAX_TIMER_MS, Math.max(0, nextMs - this.#core.nowMs));
    this.#timer = setTimeout(() => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.inbox.tick();
    }, delayMs);
  }
}

/** Resolves when everything that is ready to run without waiting has run. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Settles what was asked for and never taken. */
export function rejectQueued(inbox: Inbox<Event, Command>): void {
  const error = new PeerdError('stopped', 'the server was stopped');
  for (let command = inbox.takeCommand(); command !== undefined; command = inbox.takeCommand())
    reject(command, error);
  for (let event = inbox.takeEvent(); event !== undefined; event = inbox.takeEvent())
    if (event.type === 'request/answer') event.accepted?.resolve();
}
