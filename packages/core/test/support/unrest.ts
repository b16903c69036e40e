import type { RouterNetwork } from '../../src/simulation/router.ts';

/** A tree of these nodes and some links more, drawn by the network's seed. */
export function linkAtRandom(network: RouterNetwork, ids: readonly string[], more: number): void {
  for (let i = 1; i < ids.length; i += 1)
    network.link(ids[i] as string, ids[Math.floor(network.random() * i)] as string);
  for (let i = 0; i < more; i += 1) {
    const [a, b] = [one(network, ids), one(network, ids)];
    if (a !== b) network.link(a, b);
  }
}

/**
 * Cuts a link or brings one up, has one carry one way only, crashes a node or restarts one, parts the network in two or heals
 * it.
 */
export function disturb(network: RouterNetwork, ids: readonly string[]): void {
  const [a, b] = [one(network, ids), one(network, ids)];
  const kind = network.random();
  if (kind < 0.27 && network.links.length > 0) network.cut(...one(network, network.links));
  else if (kind < 0.6) {
    if (a !== b) network.link(a, b);
  } else if (kind < 0.65 && network.links.length > 0) network.silence(...one(network, network.links));
  else if (kind < 0.75) network.crash(a);
  else if (kind < 0.85 && !network.isUp(a)) {
    network.restart(a);
    if (a !== b && network.isUp(b)) network.link(a, b);
  } else if (kind < 0.9) {
    const half = ids.filter(() => network.random() < 0.5);
    network.partition(
      half,
      ids.filter((id) => !half.includes(id)),
    );
  } else if (kind < 0.95) network.heal();
}

function one<T>({ random }: RouterNetwork, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)] as T;
}
