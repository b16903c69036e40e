import type { Distance } from './destination.ts';
import type { SequenceRequest } from './messages.ts';

/** A peer that the node has a connection to, as the table knows it. */
export class Neighbour {
  readonly id: string;
  /** Its run; `undefined` until it has told us anything. */
  epoch: number | undefined;
  /** Rows as it told them last, those that reach their origin. */
  readonly rows: Map<string, Distance> = new Map();
  /** Of its table: what has been taken in. */
  applied = 0;
  /** Of our table: what it has said that it has. */
  acked = 0;
  /** And what was sent to it. */
  sent = 0;
  sentMs: number = Number.NEGATIVE_INFINITY;
  heardMs: number;
  /** To be sent to it. */
  requests: SequenceRequest[] = [];

  constructor(id: string, nowMs: number) {
    this.id = id;
    this.heardMs = nowMs;
  }
}
