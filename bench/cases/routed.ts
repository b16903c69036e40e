import { connect } from '@peerd/client';
import { Children } from '../children.ts';
import { Daemons, type StartedDaemon } from '../daemons.ts';
import { processorMs } from '../own.ts';
import type { Case, Contender } from '../run.ts';

const payloadBytes = 128;
const manyCallers = 64;
const direct = 'direct, 2 daemons';
const routed = '3 hops, 4 daemons';

const medianOf = (name: string) => `${name}, one caller: median, us`;
const rateOf = (name: string) => `${name}, ${manyCallers} callers: requests/s`;

/** Programs on the SDK at the ends of a line of daemons, each connected to the next and to no other. */
export const routed3Hops: Case = {
  title: 'request and answer of 128 B between SDK programs, their daemons connected or three hops apart',
  setUp: async () => {
    const nodes = new Daemons();
    const children = new Children();
    const line = async (name: string, count: number): Promise<Contender[]> => {
      const daemons = await nodes.startLine(name, count);
      const [asking, answering] = [daemons[0], daemons.at(-1)] as [StartedDaemon, StartedDaemon];
      await knows(asking, answering);
      const handler = await children.start('sdk.ts', ['answer', answering.socket]);
      const caller = await children.start('sdk.ts', ['ask', asking.socket, answering.id]);
      const title = count === 2 ? direct : routed;
      const pids = [...daemons.map(({ process }) => process), handler, caller].map(({ pid }) => pid);
      return [
        {
          rows: [
            medianOf(title),
            `${title}, one caller: 99 of 100 within, us`,
            `${title}, one caller: processor time of all processes a request, us`,
          ],
          measure: async (ms) => {
            const usedMs = processorMs(pids);
            const { calls, medianUs, p99Us } = await caller.measure({ ms, callers: 1, payloadBytes });
            return [medianUs, p99Us, ((processorMs(pids) - usedMs) * 1_000) / calls];
          },
        },
        {
          rows: [
            rateOf(title),
            `${title}, ${manyCallers} callers: processor time of all processes a request, us`,
          ],
          measure: async (ms) => {
            const usedMs = processorMs(pids);
            const { calls, callsPerSecond } = await caller.measure({
              ms,
              callers: manyCallers,
              payloadBytes,
            });
            return [callsPerSecond, ((processorMs(pids) - usedMs) * 1_000) / calls];
          },
        },
      ];
    };
    const [directOne, directMany] = (await line('direct', 2)) as [Contender, Contender];
    const [routedOne, routedMany] = (await line('routed', 4)) as [Contender, Contender];
    return {
      contenders: [directOne, routedOne, directMany, routedMany],
      goals: [
        {
          text: `${routed} / ${direct}, one caller: median`,
          figure: (of) => of(medianOf(routed)) / of(medianOf(direct)),
          most: 4,
        },
        {
          text: `${routed} / ${direct}, ${manyCallers} callers: requests/s`,
          figure: (of) => of(rateOf(routed)) / of(rateOf(direct)),
        },
      ],
      tearDown: async () => {
        await children.end();
        await nodes.stop();
      },
    };
  },
};

/** Resolves when a daemon knows a way to another one. */
async function knows({ socket }: StartedDaemon, { id }: StartedDaemon): Promise<void> {
  await using client = await connect({ socket });
  const endMs = performance.now() + 20_000;
  while (!(await client.routes()).some(({ peer }) => peer === id)) {
    if (performance.now() > endMs) throw new Error('the first daemon of the line knows no way to the last');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
