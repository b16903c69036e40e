import { type Child, Children } from '../children.ts';
import { Daemons } from '../daemons.ts';
import { NatsServer, noNats } from '../nats-server.ts';
import type { Absent, Case, Contender } from '../run.ts';

const payloadBytes = 128;
const nats = 'NATS';
const daemons = 'peerd, four processes';
const embedded = 'peerd, embedded, two processes';

const medianOf = (name: string) => `${name}: median, us`;

/** One caller: how long a request takes through two daemons, and with the core in both programs. */
export const latency: Case = {
  title: 'request and answer of 128 B, one caller; beside NATS request/reply',
  setUp: async () => {
    const nodes = new Daemons();
    const children = new Children();
    const server = await NatsServer.start();
    if (server !== undefined) await children.start('nats.ts', ['answer', server.url]);
    const natsClient = server && (await children.start('nats.ts', ['ask', server.url]));
    const { asking, answering } = await nodes.startPair();
    await children.start('sdk.ts', ['answer', answering.socket]);
    const sdk = await children.start('sdk.ts', ['ask', asking.socket, answering.name]);
    const peer = await children.start('request.ts', ['answer', 'peerd']);
    const embeddedPeer = await children.start('request.ts', ['ask', 'peerd', String(await peer.ready)]);
    const against = (name: string) => (of: (title: string) => number) =>
      of(medianOf(name)) / of(medianOf(nats));
    return {
      contenders: [contender(nats, natsClient), contender(daemons, sdk), contender(embedded, embeddedPeer)],
      goals: [
        { text: `${daemons} / NATS`, figure: against(daemons), most: 2.5, aim: 1.5 },
        { text: `${embedded} / NATS`, figure: against(embedded), most: 1.25, aim: 1 },
      ],
      tearDown: async () => {
        await children.end();
        await Promise.all([nodes.stop(), server?.stop()]);
      },
    };
  },
};

function contender(name: string, child: Child | undefined): Contender | Absent {
  const rows = [medianOf(name), `${name}: 99 of 100 within, us`];
  if (child === undefined) return { rows, absent: noNats };
  return {
    rows,
    measure: async (ms) => {
      const { medianUs, p99Us } = await child.measure({ ms, callers: 1, payloadBytes });
      return [medianUs, p99Us];
    },
  };
}
