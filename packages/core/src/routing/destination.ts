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
  /** When a newer advert was asked for. */
  askedMs: number;
}

/**
 * Whether this goes back to a newer advert, or is shorter with the same. A row that is nearer than all that was told from
 * here is feasible: whoever tells it can't have it from here.
 */
export function isNearer(row: Distance, than: Distance | undefined): boolean {
  if (than === undefined || row.sequence > than.sequence) return true;
  return row.sequence === than.sequence && row.distance < than.distance;
}
