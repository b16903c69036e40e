import type { SequenceRequest } from './messages.ts';

/** A peer that the node has a connection to: what it has been told, and what it has told. */
export class Neighbour {
  readonly id: string;
  /** Its run; `undefined` until it has told us anything. */
  epoch: number | undefined;
  /** Whether it hears us, and we it: a way may lead over it. */
  isUp = false;
  /** Of what it tells: what has been taken in. */
  applied = 0;
  /** Of what we tell: what it has said that it has. */
  acked = 0;
  /** And what was sent to it. */
  sent = 0;
  sentMs: number = Number.NEGATIVE_INFINITY;
  heardMs: number;
  /** Whether it is to be told at once that it is not heard any more. */
  isToLearn = false;
  /** To be sent to it, one for an origin: the one that wants the newest. */
  readonly requests: Map<string, SequenceRequest> = new Map();

  constructor(id: string, nowMs: number) {
    this.id = id;
    this.heardMs = nowMs;
  }
}
