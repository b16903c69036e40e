import { join } from 'node:path';
import { type Child, Children } from '../children.ts';
import { Daemons } from '../daemons.ts';
import { makeOwnFolder } from '../own.ts';
import type { Case } from '../run.ts';

const large = { callers: 4, payloadBytes: 1024 * 1024 };
/** Between an answer and the next request: the small ones are there to be watched, not to fill the connection. */
const small = { callers: 1, payloadBytes: 128, pauseMs: 5 };

const peerdRate = 'peerd: 1 MiB requests/s';
const pipeRate = 'bare pipe: 1 MiB requests/s';
const sealedRate = 'pipe, encrypted and with whole messages: 1 MiB requests/s';
const libp2pRate = 'pipe over js-libp2p, with whole messages: 1 MiB requests/s';
const smallOwn = 'peerd, 128 B beside it, own connection: 99 of 100 within, ms';
const smallSame = 'peerd, 128 B beside it, same connection: 99 of 100 within, ms';
const smallPipe = 'bare pipe, 128 B beside it, own connection: 99 of 100 within, ms';

/** What the four processes carry when payloads are large, and what that does to small ones. */
export const large1MiB: Case = {
  title: `request and answer of 1 MiB through four processes, ${large.callers} callers; beside a bare pipe`,
  setUp: async () => {
    const nodes = new Daemons();
    const children = new Children();
    const { asking, answering } = await nodes.startPair();
    await children.start('sdk.ts', ['answer', answering.socket]);
    const sdk = await children.start('sdk.ts', ['ask', asking.socket, answering.name]);
    const otherSdk = await children.start('sdk.ts', ['ask', asking.socket, answering.name]);
    const folder = makeOwnFolder('pipe');
    const pipe = await startPipe(children, folder.path, 'bare');
    const sealedPipe = await startPipe(children, folder.path, 'sealed');
    const libp2pPipe = await startLibp2pPipe(children, folder.path);
    const otherPipe = await children.start('pipe.ts', ['ask', pipe.path]);
    return {
      contenders: [
        {
          rows: [peerdRate, smallOwn, smallSame],
          measure: async (ms) => {
            const [{ callsPerSecond }, own, same] = await Promise.all([
              sdk.measure({ ms, ...large }),
              otherSdk.measure({ ms, ...small }),
              sdk.measure({ ms, ...small }),
            ]);
            return [callsPerSecond, own.p99Us / 1_000, same.p99Us / 1_000];
          },
        },
        {
          rows: [pipeRate, smallPipe],
          measure: async (ms) => {
            const [{ callsPerSecond }, own] = await Promise.all([
              pipe.asking.measure({ ms, ...large }),
              otherPipe.measure({ ms, ...small }),
            ]);
            return [callsPerSecond, own.p99Us / 1_000];
          },
        },
        {
          rows: [sealedRate],
          measure: async (ms) => [(await sealedPipe.asking.measure({ ms, ...large })).callsPerSecond],
        },
        {
          rows: [libp2pRate],
          measure: async (ms) => [(await libp2pPipe.measure({ ms, ...large })).callsPerSecond],
        },
      ],
      goals: [
        {
          text: 'peerd / bare pipe, 1 MiB',
          figure: (of) => of(peerdRate) / of(pipeRate),
          least: 0.6,
          aim: 0.8,
        },
        { text: 'peerd / the encrypted pipe', figure: (of) => of(peerdRate) / of(sealedRate) },
        { text: 'peerd / the pipe over js-libp2p', figure: (of) => of(peerdRate) / of(libp2pRate) },
        { text: 'the pipe over js-libp2p / bare pipe', figure: (of) => of(libp2pRate) / of(pipeRate) },
        { text: 'the encrypted pipe / bare pipe', figure: (of) => of(sealedRate) / of(pipeRate) },
        { text: '128 B beside it, own connection, ms', figure: (of) => of(smallOwn), most: 20 },
        { text: '128 B beside it, same connection, ms', figure: (of) => of(smallSame), most: 20 },
      ],
      tearDown: async () => {
        await children.end();
        await nodes.stop();
        folder.remove();
      },
    };
  },
};

/**
 * The same sockets as with peerd, Unix, TCP, Unix. `bare`: nothing is done to the bytes. `sealed`: with what no two
 * daemons can do without, encryption between them and messages that are whole when they are handed over.
 */
async function startPipe(
  children: Children,
  folder: string,
  kind: 'bare' | 'sealed',
): Promise<{ path: string; asking: Child }> {
  const path = join(folder, `${kind}-asking`);
  const answering = join(folder, `${kind}-answering`);
  const isSealed = kind === 'sealed';
  await children.start('pipe.ts', ['answer', answering, ...(isSealed ? ['whole'] : [])]);
  const relay = await children.start('pipe.ts', ['relay', '0', answering, ...(isSealed ? ['in'] : [])]);
  const port = String(await relay.ready);
  await children.start('pipe.ts', ['relay', path, port, ...(isSealed ? ['out'] : [])]);
  return { path, asking: await children.start('pipe.ts', ['ask', path]) };
}

/** The same with a stream of js-libp2p between the relays. */
async function startLibp2pPipe(children: Children, folder: string): Promise<Child> {
  const path = join(folder, 'libp2p-asking');
  const answering = join(folder, 'libp2p-answering');
  await children.start('pipe.ts', ['answer', answering, 'whole']);
  const relay = await children.start('libp2p-pipe.ts', ['in', answering]);
  await children.start('libp2p-pipe.ts', ['out', path, String(await relay.ready)]);
  return await children.start('pipe.ts', ['ask', path]);
}
