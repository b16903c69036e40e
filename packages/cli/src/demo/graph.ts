/** Six nodes, and to whom each has a link. Whichever of the links is cut, everyone can still reach everyone. */
export const graph: readonly (readonly number[])[] = [
  [4, 1, 2],
  [0, 3, 4],
  [0, 3, 5],
  [1, 2, 5],
  [1, 0],
  [2, 3],
];

/** Two ends of a link, the lower one first. */
export type GraphLink = readonly [number, number];

export const links: readonly GraphLink[] = graph.flatMap((neighbours, node) =>
  neighbours.filter((each) => node < each).map((each): GraphLink => [node, each]),
);

/** The links that a path takes, in order. */
export function stepsOf(path: readonly number[]): GraphLink[] {
  return path.slice(1).map((node, index) => {
    const before = path[index] as number;
    return before < node ? [before, node] : [node, before];
  });
}

/** `4 > 0 > 2 > 5`. */
export function pathText(path: readonly number[]): string {
  return path.join(' > ');
}

/** `0-2`. */
export function linkText(link: GraphLink): string {
  return link.join('-');
}

/**
 * What is wrong with a path from one node to another over these links; undefined: it can be gone. It may pass a node twice: just
 * after a cut, what finds no way goes on at random.
 */
export function flawOf(
  path: readonly number[],
  [from, to]: readonly [number, number],
  standing: readonly GraphLink[],
): string | undefined {
  const shown = pathText(path);
  if (path[0] !== from || path.at(-1) !== to) return `${shown} does not lead from ${from} to ${to}`;
  const missing = stepsOf(path).find(([a, b]) => !standing.some(([x, y]) => x === a && y === b));
  return missing === undefined ? undefined : `${shown} takes ${linkText(missing)}, where there is no link`;
}
