import { type Child, Children } from '../children.ts';
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

    return {
      contenders: manyCallers.flatMap((callers) => [
        contender('peerd', sdk, callers),
        contender('NATS', natsClient, callers),
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

function contender(name: string, child: Child | undefined, callers: number): Contender | Absent {
  const rows = [rateOf(name, callers), `${name}, ${callers} callers: 99 of 100 within, us`];
  if (child === undefined) return { rows, absent: noNats };
  return {
    rows,
    measure: async (ms) => {
      const { callsPerSecond, p99Us } = await child.measure({ ms, callers, payloadBytes });
      return [callsPerSecond, p99Us];
    },
  };
}
