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
  const known = await asked(which, (node, signal) => node.peers({ signal }));
  return known.map(({ id, name, connected }) => {
    const named = name !== undefined && known.filter((each) => each.name === name).length === 1;
    return { value: named ? name : id, description: connected ? 'connected' : 'known' };
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
