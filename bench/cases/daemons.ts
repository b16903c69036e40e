import { type Child, Children } from '../children.ts';
import { Daemons } from '../daemons.ts';
import { NatsServer, noNats } from '../nats-server.ts';
import { processorMs } from '../own.ts';
import type { Absent, Case, Contender } from '../run.ts';

const manyCallers = [64, 256];
const payloadBytes = 128;

/** Programs on the SDK and a daemon for each, beside two clients of a nats-server. */
export const daemons: Case = {
  title: 'request and answer of 128 B: SDK caller, daemon, daemon, SDK handler; beside NATS request/reply',
  setUp: async () => {
    const nodes = new Daemons();
    const children = new Children();
    const nats = await NatsServer.start();
    const { asking, answering } = await nodes.startPair();
    const sdkHandler = await children.start('sdk.ts', ['answer', answering.socket]);
    const sdk = await children.start('sdk.ts', ['ask', asking.socket, answering.name]);
    const natsHandler = nats && (await children.start('nats.ts', ['answer', nats.url]));
    const natsClient = nats && (await children.start('nats.ts', ['ask', nats.url]));

    return {
      contenders: manyCallers.flatMap((callers) => [
        contender('peerd', sdk, callers, [asking.process, answering.process, sdk, sdkHandler]),
        contender('NATS', natsClient, callers, [nats, natsClient, natsHandler]),
      ]),
      goals: manyCallers.map((callers) => ({
        text: `peerd / NATS, ${callers} callers`,
        figure: (of) => of(rateOf('peerd', callers)) / of(rateOf('NATS', callers)),
        least: 1.5,
        aim: 3,
      })),
      tearDown: async () => {
        await children.end();
        await Promise.all([nodes.stop(), nats?.stop()]);
      },
    };
  },
};

function rateOf(name: string, callers: number): string {
  return `${name}, ${callers} callers: requests/s`;
}

/** `processes` are all that have a part in it. */
function contender(
  name: string,
  child: Child | undefined,
  callers: number,
  processes: readonly ({ readonly pid?: number | undefined } | undefined)[],
): Contender | Absent {
  const rows = [
    rateOf(name, callers),
    `${name}, ${callers} callers: 99 of 100 within, us`,
    `${name}, ${callers} callers: processor time of all processes a request, us`,
  ];
  if (child === undefined) return { rows, absent: noNats };
  const pids = processes.map((each) => each?.pid);
  return {
    rows,
    measure: async (ms) => {
      const usedMs = processorMs(pids);
      const { calls, callsPerSecond, p99Us } = await child.measure({ ms, callers, payloadBytes });
      return [callsPerSecond, p99Us, ((processorMs(pids) - usedMs) * 1_000) / calls];
    },
  };
}
