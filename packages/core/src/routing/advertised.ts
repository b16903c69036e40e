import type { Deadline } from '../channel/deadlines.ts';
import type { Changing } from './changes.ts';
import type { Advert } from './messages.ts';

/** What is known of an origin by its adverts. */
export interface Advertised extends Changing {
  /** The newest; `undefined`: it is too old, or there was none. Its sequence is remembered. */
  advert: Advert | undefined;
  sequence: number;
  name: string;
  /** The neighbours that it names. */
  links: ReadonlySet<string>;
  /** When it was heard of first here. */
  seenMs: number;
  /** When it was made, as far as is known: never later than it was heard of first. */
  bornMs: number;
  /** The neighbour that told of it last, as far as there was room in its share: it counts for that. */
  by: string;
  /** Neighbours that have told of it, and so have it. */
  readonly holders: Set<string>;
  deadline: Deadline<Advertised> | undefined;
}
