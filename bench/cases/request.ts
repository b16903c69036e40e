import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Kind } from '../processes/request.ts';
import type { Case, Contender } from '../run.ts';

const CALLERS = 64;

/** For each contender two processes of its own, Noise and Yamux between them; one asks, the other echoes. */
export const request: Case = {
  title: `request and answer of 128 B between two processes, ${CALLERS} callers`,
  unit: 'requests/s',
  setUp: async () => {
    const children: ChildProcess[] = [];
    const start = async (...args: string[]): Promise<[ChildProcess, unknown]> => {
      const child = fork(new URL('../processes/request.ts', import.meta.url), args, {
        execArgv: process.execArgv,
      });
      children.push(child);
      return [child, await heardFrom(child)];
    };
    const contender = async (name: string, kind: Kind): Promise<Contender> => {
      const [, address] = await start('answer', kind);
      const [asking] = await start('ask', kind, String(address));
      return {
        name,
        measure: async (ms) => {
          asking.send({ callers: CALLERS, ms });
          return Number(await heardFrom(asking));
        },
      };
    };
    return {
      contenders: [
        await contender('peerd', 'peerd'),
        await contender('js-libp2p, dialProtocol and it-pipe', 'pipe'),
        await contender('js-libp2p, a held connection and lpStream', 'lp-stream'),
      ],
      goals: [
        {
          text: 'peerd / dialProtocol and it-pipe',
          figure: ([ours, pipe]) => Number(ours) / Number(pipe),
          least: 50,
        },
        {
          text: 'peerd / held connection and lpStream',
          figure: ([ours, , lpStream]) => Number(ours) / Number(lpStream),
        },
      ],
      tearDown: async () => {
        const exits = children.map((child) => once(child, 'exit'));
        for (const child of children) child.disconnect();
        await Promise.all(exits);
      },
    };
  },
};

/** The next message of a child; fails when it ends instead. */
async function heardFrom(child: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`a process of the benchmark ended with ${code}`);
      }),
    ]);
  } finally {
    settled.abort();
  }
}
