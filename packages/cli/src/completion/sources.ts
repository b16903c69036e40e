import { connect, runningDaemons, type SocketClient } from '@peerd/client';
import type { Candidate, Sources, Which } from './candidates.ts';

/** Longer than this nobody waits for a completion. */
const patienceMs = 1_000;

/** Words that every shell takes as they are. */
const plain = /^[\w@%+=,./][\w@%+=,./-]*$/;

async function daemons(): Promise<Candidate[]> {
  const names = await runningDaemons().catch(() => []);
  return names.map((value) => ({ value, description: 'runs' }));
}

async function peers(which: Which): Promise<Candidate[]> {
  const [all] = await asked(which, async (node, signal) => [
    await Promise.all([node.peers({ signal }), node.routes({ signal })]),
  ]);
  const [known = [], routes = []] = all ?? [];
  const ids = new Set(known.map(({ id }) => id));
  const found = [
    ...known.map(({ id, name, connected }) => ({ id, name, description: connected ? 'connected' : 'known' })),
    ...routes
      .filter(({ peer }) => !ids.has(peer))
      .map(({ peer, name }) => ({ id: peer, name, description: 'over others' })),
  ];
  return found.map(({ id, name, description }) => {
    const named = name !== undefined && found.filter((each) => each.name === name).length === 1;
    return { value: named ? name : id, description };
  });
}

async function topics(which: Which): Promise<Candidate[]> {
  const heard = await asked(which, (node, signal) => node.topics({ signal }));
  return heard
    .filter(({ topic }) => plain.test(topic))
    .map(({ topic, peers }) => ({ value: topic, description: `heard by ${peers} peers` }));
}

/** Nothing when no daemon answers in time: a completion is no place for an error. */
async function asked<T>(
  which: Which,
  ask: (node: SocketClient, signal: AbortSignal) => Promise<T[]>,
): Promise<T[]> {
  const signal = AbortSignal.timeout(patienceMs);
  try {
    const node = await connect({ program: 'peerd completion', ...which, signal });
    const all = await ask(node, signal);
    await node.close();
    return all;
  } catch {
    return [];
  }
}

export const liveSources: Sources = { daemons, peers, topics };
