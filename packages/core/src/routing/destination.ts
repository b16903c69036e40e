import type { Changing } from './changes.ts';
import type { Advert } from './messages.ts';

/** Links to an origin, and the sequence of the advert that they go back to. */
export interface Distance {
  readonly sequence: number;
  readonly distance: number;
}

/** A row of the table. */
export interface Destination extends Changing {
  /** The newest that is known. */
  advert: Advert | undefined;
  /** The shortest distance that was ever told of, for the newest sequence that was: the feasibility distance. */
  feasible: Distance | undefined;
  selected: { readonly next: string; readonly sequence: number; readonly distance: number } | undefined;
  sinceMs: number;
  /** When we asked for a newer advert; of our own: when the last one was made because somebody asked. */
  askedMs: number;
  /** What others asked for that was passed on last, and when. */
  passedSequence: number;
  passedMs: number;
  /** When it was told of again because somebody asked. */
  toldAgainMs: number;
  /** The neighbour that told of it first. */
  readonly toldBy: string | undefined;
}

/** What one neighbour tells: of each origin that it reaches, from where it is. */
export interface Told {
  isUp: boolean;
  readonly rows: Map<string, Distance>;
}

export function newDestination(origin: string, toldBy: string | undefined, nowMs: number): Destination {
  const never = Number.NEGATIVE_INFINITY;
  return {
    origin,
    advert: undefined,
    feasible: undefined,
    selected: undefined,
    changedAt: 0,
    advertAt: 0,
    sinceMs: nowMs,
    askedMs: never,
    passedSequence: 0,
    passedMs: never,
    toldAgainMs: never,
    toldBy,
  };
}

/**
 * Whether this goes back to a newer advert, or is shorter with the same. A row that is nearer than all that was told from
 * here is feasible: whoever tells it can't have it from here.
 */
export function isNearer(row: Distance, than: Distance | undefined): boolean {
  if (than === undefined || row.sequence > than.sequence) return true;
  return row.sequence === than.sequence && row.distance < than.distance;
}
