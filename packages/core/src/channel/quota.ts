import type { QueueInfo } from '@peerd/protocol';

/** A queue that stays full is told of this often, in ms: a flood must not be a flood of reports too. */
const TELL_MS = 10_000;

/** Something was refused, or dropped, because a queue or quota is full. */
export interface Overload {
  readonly type: 'node/overload';
  readonly queue: string;
  readonly unit: QueueInfo['unit'];
  readonly limit: number;
  /** Times since the start. */
  readonly refused: number;
}

export interface Teller {
  readonly nowMs: number;
  emit(output: Overload): void;
}

/** A bounded queue or quota by its name: how full it is, and how often it was too full. */
export class Quota {
  readonly name: string;
  readonly unit: QueueInfo['unit'];
  refused = 0;
  readonly #limit: () => number;
  readonly #size: () => number;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, unit: QueueInfo['unit'], limit: () => number, size: () => number) {
    this.name = name;
    this.unit = unit;
    this.#limit = limit;
    this.#size = size;
  }

  get info(): QueueInfo {
    const { name, unit, refused } = this;
    return { name, unit, size: this.#size(), limit: this.#limit(), refused };
  }

  /** Counts what was refused, and tells of it now and then. */
  refuse(teller: Teller, times = 1): void {
    this.refused += times;
    if (teller.nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = teller.nowMs;
    const { name: queue, unit, refused } = this;
    teller.emit({ type: 'node/overload', queue, unit, limit: this.#limit(), refused });
  }
}
