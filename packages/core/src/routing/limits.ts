export interface RoutingLimits {
  /** Destinations of one node; each takes about 1 KiB with its routes. */
  readonly maxDestinations: number;
  /** Rows of one neighbour. */
  readonly maxEntriesPerNeighbour: number;
}

export const defaultRoutingLimits: RoutingLimits = {
  // A network of thousands.
  maxDestinations: 10_000,
  maxEntriesPerNeighbour: 5_000,
};
