import { expect, test } from 'vitest';
import { flawOf, graph, links, stepsOf } from '../src/demo/graph.ts';

test('every link of the mesh is one of both its ends, and none is needed to reach everyone', () => {
  for (const [node, neighbours] of graph.entries())
    for (const each of neighbours) expect(graph[each]).toContain(node);
  expect(links).toHaveLength(8);
  for (const cut of links) {
    const reached = new Set([0]);
    for (const node of reached)
      for (const [a, b] of links.filter((link) => link !== cut))
        if (a === node) reached.add(b);
        else if (b === node) reached.add(a);
    expect(reached.size, `without ${cut}`).toBe(graph.length);
  }
});

test.each([
  ['over nodes that are linked', [4, 0, 2, 5], undefined],
  ['that is not the shortest', [4, 1, 0, 2, 3, 5], undefined],
  ['without the nodes between', [4, 5], '4 > 5 takes 4-5, where there is no link'],
  ['over a link that is not there', [4, 1, 2, 5], '4 > 1 > 2 > 5 takes 1-2, where there is no link'],
  ['over a link that was cut', [4, 1, 3, 5], '4 > 1 > 3 > 5 takes 1-3, where there is no link'],
  ['that passes a node twice', [4, 1, 0, 2, 3, 2, 5], undefined],
  ['that ends elsewhere', [4, 0, 2], '4 > 0 > 2 does not lead from 4 to 5'],
  ['of nobody', [4], '4 does not lead from 4 to 5'],
  ['over a stranger', [4, -1, 5], '4 > -1 > 5 takes -1-4, where there is no link'],
])('a path %s: %j', (_, path, flaw) => {
  const standing = links.filter((link) => `${link}` !== '1,3');
  expect(flawOf(path, [4, 5], standing)).toBe(flaw);
});

test('the steps of a path are links, whichever way it takes them', () => {
  expect(stepsOf([4, 0, 2, 5])).toEqual([
    [0, 4],
    [0, 2],
    [2, 5],
  ]);
});
