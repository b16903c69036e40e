import { Children } from '../children.ts';
import { Daemons } from '../daemons.ts';
import { NatsServer, noNats } from '../nats-server.ts';
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
    await children.start('sdk.ts', ['answer', answering.socket]);
    const sdk = await children.start('sdk.ts', ['ask', asking.socket, answering.name]);
    if (nats !== undefined) await children.start('nats.ts', ['answer', nats.url]);
    const natsClient = nats && (await children.start('nats.ts', ['ask', nats.url]));

    const contender = (name: string, child: typeof natsClient, callers: number): Contender | Absent => {
      const rows = [`${name}, ${callers} callers: requests/s`];
      if (child === undefined) return { rows, absent: noNats };
      return {
        rows,
        measure: async (ms) => [(await child.measure({ ms, callers, payloadBytes })).callsPerSecond],
      };
    };
    return {
      contenders: manyCallers.flatMap((callers) => [
        contender('peerd', sdk, callers),
        contender('NATS', natsClient, callers),
      ]),
      goals: manyCallers.map((callers) => ({
        text: `peerd / NATS, ${callers} callers`,
        figure: (of) =>
          of(`peerd, ${callers} callers: requests/s`) / of(`NATS, ${callers} callers: requests/s`),
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
