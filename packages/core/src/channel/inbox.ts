import { Ring } from '@peerd/protocol/queues';

export interface InboxLimits {
  /** Commands that may wait. One more is not taken. */
  maxCommands: number;
  /** Payload bytes of commands that may wait. A command that would pass it is not taken. */
  maxCommandBytes: number;
}

/**
 * The channel into the server loop: what happened (events) and what is asked for (commands), each in its own
 * lane, and a single flag for the tick. Commands are bounded: `offer` says no when it is full. Events are
 * bounded where they arise (by credits, by limits on connections), since an event that is dropped is a lie.
 *
 * The reader is woken once a turn of Node's event loop with `setImmediate`: waking it from microtasks would
 * keep sockets from being read as long as callers keep asking.
 */
export class Inbox<E, C> {
  readonly #events = new Ring<E>();
  readonly #commands = new Ring<C>();
  readonly #limits: InboxLimits;
  readonly #bytesOf: (command: C) => number;
  #commandBytes = 0;
  #tickDue = false;
  #closed = false;
  #isWoken = false;
  #isScheduled = false;
  #ready: (() => void) | undefined;
  readonly #now: () => number;
  /** When the first of what has come in since the reader was last woken came. */
  #scheduledMs = 0;
  /** Commands that were not taken: too many waited, or too many bytes. */
  readonly refused = { items: 0, bytes: 0 };

  /** `bytesOf` gives the size of a command's payload. */
  constructor(
    limits: InboxLimits,
    bytesOf: (command: C) => number,
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#bytesOf = bytesOf;
    this.#now = now;
  }

  get scheduledMs(): number {
    return this.#scheduledMs;
  }

  get limits(): InboxLimits {
    return this.#limits;
  }

  get commandBytes(): number {
    return this.#commandBytes;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get waiting(): { events: number; commands: number } {
    return { events: this.#events.size, commands: this.#commands.size };
  }

  tick(): void {
    this.#tickDue = true;
    this.#schedule();
  }

  post(event: E): void {
    this.#events.push(event);
    this.#schedule();
  }

  /** False: full or closed, and the command was not taken. A single command is taken whatever its size. */
  offer(command: C): boolean {
    if (this.#closed) return false;
    if (this.#commands.size >= this.#limits.maxCommands) {
      this.refused.items += 1;
      return false;
    }
    const bytes = this.#bytesOf(command);
    if (this.#commandBytes + bytes > this.#limits.maxCommandBytes && this.#commands.size > 0) {
      this.refused.bytes += 1;
      return false;
    }
    this.#commands.push(command);
    this.#commandBytes += bytes;
    this.#schedule();
    return true;
  }

  /**
   * Takes a command whatever waits: for those that let go of what an earlier one asked for. They stay behind
   * it, where an event would overtake it.
   */
  follow(command: C): void {
    this.#commands.push(command);
    this.#commandBytes += this.#bytesOf(command);
    this.#schedule();
  }

  takeTick(): boolean {
    const isDue = this.#tickDue;
    this.#tickDue = false;
    return isDue;
  }

  takeEvent(): E | undefined {
    return this.#events.shift();
  }

  takeCommand(): C | undefined {
    const command = this.#commands.shift();
    if (command !== undefined) this.#commandBytes -= this.#bytesOf(command);
    return command;
  }

  /** Takes no more commands. Those that wait can still be taken. */
  close(): void {
    this.#closed = true;
    this.#schedule();
  }

  get isEmpty(): boolean {
    return !this.#tickDue && this.#events.size === 0 && this.#commands.size === 0;
  }

  /** Resolves once there is something to do, in the check phase of a turn of Node's event loop. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#ready = resolve;
      if (this.#hasWork) this.#schedule();
    });
  }

  /** Lets the reader go on although nothing came in. */
  wake(): void {
    this.#isWoken = true;
    this.#schedule();
  }

  get #hasWork(): boolean {
    return this.#isWoken || this.#closed || !this.isEmpty;
  }

  /** Once a turn, however often it is called. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#scheduledMs = this.#now();
    setImmediate(() => {
      this.#isScheduled = false;
      const ready = this.#ready;
      // The reader may be at work, and may have taken it all in the meantime.
      if (ready === undefined || !this.#hasWork) return;
      this.#isWoken = false;
      this.#ready = undefined;
      ready();
    });
  }
}
