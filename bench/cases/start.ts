import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@peerd/client';
import { PeerdError } from '@peerd/protocol';
import { builtCli, Daemons } from '../daemons.ts';
import { median } from '../report.ts';
import type { Case } from '../run.ts';

/** Whatever time is given, a median needs a few. */
const leastStarts = 3;
const retryMs = 5;
const startTimeoutMs = 30_000;

const bareNode = 'node -e 0, ms';
const status = 'peerd status, ms';
const daemon = 'a daemon, from its start to its first answer, ms';

/** How long a person waits for a command, and for a daemon. */
export const start: Case = {
  title: 'processes from the build, from their start to their end or first answer',
  setUp: async () => {
    const nodes = new Daemons();
    const { name } = await nodes.start('running');
    return {
      contenders: [
        {
          rows: [bareNode, status],
          // In turn: what else the machine does is the same for both.
          measure: async (ms) =>
            await medians(ms, [
              () => timeToEnd(['-e', '0'], nodes.env),
              () => timeToEnd([builtCli, 'status', '--name', name], nodes.env),
            ]),
        },
        { rows: [daemon], measure: async (ms) => await medians(ms, [timeToFirstAnswer]) },
      ],
      goals: [
        {
          text: 'peerd status, ms above a bare node',
          figure: (of) => of(status) - of(bareNode),
          most: 60,
          aim: 30,
        },
        { text: 'a daemon, ms to its first answer', figure: (of) => of(daemon), most: 1_000, aim: 500 },
      ],
      tearDown: () => nodes.stop(),
    };
  },
};

/** Takes each time in turn for `ms`; the median of each. */
async function medians(ms: number, times: readonly (() => number | Promise<number>)[]): Promise<number[]> {
  const taken: number[][] = times.map(() => []);
  const endMs = performance.now() + ms;
  for (let i = 0; i < leastStarts || performance.now() < endMs; i += 1)
    for (const [which, time] of times.entries()) taken[which]?.push(await time());
  return taken.map(median);
}

function timeToEnd(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const startedMs = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const tookMs = performance.now() - startedMs;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return tookMs;
}

/** A daemon that has not run before: it makes its folders and its key too. */
async function timeToFirstAnswer(): Promise<number> {
  const nodes = new Daemons();
  try {
    const startedMs = performance.now();
    nodes.spawn('started');
    while (!(await answers(nodes.socketOf('started')))) {
      if (performance.now() - startedMs > startTimeoutMs) throw new Error('a daemon did not start');
      await delay(retryMs);
    }
    return performance.now() - startedMs;
  } finally {
    await nodes.stop();
  }
}

async function answers(socket: string): Promise<boolean> {
  try {
    const node = await connect({ socket });
    await node.status();
    await node.close();
    return true;
  } catch (error) {
    if (error instanceof PeerdError && error.code === 'daemon-unavailable') return false;
    throw error;
  }
}
