import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@peerd/client';
import { Children } from '../children.ts';
import { Daemons, memoryOf, type StartedDaemon, withProbe } from '../daemons.ts';
import type { Case } from '../run.ts';

const peers = 100;
const calls = 1_000;
const payloadBytes = 128;

const states = [
  'idle',
  `${peers} connected peers`,
  `${calls} calls in flight, the caller's daemon`,
  `${calls} calls in flight, the handler's daemon`,
];

/** What a daemon keeps in memory. Each round starts daemons of its own. */
export const memory: Case = {
  title: 'memory of a daemon after a garbage collection',
  setUp: async () => ({
    contenders: [
      {
        rows: states.flatMap((state) => [`${state}: resident, MiB`, `${state}: heap in use, MiB`]),
        measure: async () => [...(await idleAndWithPeers()), ...(await withCalls())],
      },
    ],
    goals: [],
    tearDown: async () => {},
  }),
};

async function idleAndWithPeers(): Promise<number[]> {
  const nodes = new Daemons();
  const children = new Children();
  try {
    const daemon = await nodes.start('crowded', [], withProbe);
    const idle = await figures(daemon);
    await children.start('peers.ts', [String(peers), daemon.addresses[0] ?? '']);
    await using node = await connect({ socket: daemon.socket });
    while ((await node.status()).peers.connected < peers) await delay(10);
    return [...idle, ...(await figures(daemon))];
  } finally {
    await children.end();
    await nodes.stop();
  }
}

async function withCalls(): Promise<number[]> {
  const nodes = new Daemons();
  try {
    const { asking, answering } = await nodes.startPair(withProbe);
    await using caller = await connect({ socket: asking.socket });
    await using handler = await connect({ socket: answering.socket });
    const allArrived = Promise.withResolvers<void>();
    const answerAll = Promise.withResolvers<void>();
    let arrived = 0;
    await handler.handle('', async ({ payload }) => {
      arrived += 1;
      if (arrived === calls) allArrived.resolve();
      await answerAll.promise;
      return payload;
    });
    const payload = new Uint8Array(payloadBytes);
    const answers = Promise.all(
      Array.from({ length: calls }, () => caller.request(answering.name, payload, { timeoutMs: 60_000 })),
    );
    await Promise.race([allArrived.promise, answers]);
    const held = [...(await figures(asking)), ...(await figures(answering))];
    answerAll.resolve();
    await answers;
    return held;
  } finally {
    await nodes.stop();
  }
}

async function figures(daemon: StartedDaemon): Promise<number[]> {
  const { rss, heapUsed } = await memoryOf(daemon);
  return [rss, heapUsed].map((bytes) => bytes / 1024 / 1024);
}
