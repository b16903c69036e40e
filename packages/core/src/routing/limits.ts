export interface RoutingLimits {
  /** Destinations of one node; each takes about 1 KiB with its routes. */
  readonly maxDestinations: number;
  /** Rows of one neighbour. */
  readonly maxEntriesPerNeighbour: number;
  /** By source: links that all adverts name together, 100 bytes each, and those that one neighbour has told of first. */
  readonly maxLinks: number;
  readonly maxLinksPerNeighbour: number;
}

export const defaultRoutingLimits: RoutingLimits = {
  // A network of thousands.
  maxDestinations: 10_000,
  maxEntriesPerNeighbour: 5_000,
  maxLinks: 200_000,
  maxLinksPerNeighbour: 100_000,
};
