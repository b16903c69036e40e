import { fork } from 'node:child_process';
import { once } from 'node:events';
import { multiaddr } from '@multiformats/multiaddr';
import { createPeer, generateSecret } from '@peerd/core';
import { askWithLpStream, askWithPipe, bareNode } from '../bare-libp2p.ts';
import { type Case, closedLoop } from '../run.ts';

const CALLERS = 64;
const PAYLOAD_BYTES = 128;

/** Two processes, Noise and Yamux between them; one asks, the other echoes. */
export const request: Case = {
  title: `request and answer of ${PAYLOAD_BYTES} B between two processes, ${CALLERS} callers`,
  unit: 'requests/s',
  setUp: async () => {
    const answering = fork(new URL('../processes/echo.ts', import.meta.url), { execArgv: process.execArgv });
    const [addresses] = (await once(answering, 'message')) as [{ peerd: string; bare: string }];
    const { client, server } = await createPeer({
      secret: await generateSecret(),
      name: 'caller',
      network: 'bench',
      discovery: 'off',
    });
    const stopped = new AbortController();
    const running = server.run({ signal: stopped.signal });
    const bare = await bareNode();
    const connection = await bare.dial(multiaddr(addresses.bare));
    const payload = new Uint8Array(PAYLOAD_BYTES).fill(1);
    return {
      contenders: [
        {
          name: 'peerd',
          measure: (ms) => closedLoop(CALLERS, ms, () => client.request(addresses.peerd, payload)),
        },
        {
          name: 'js-libp2p, dialProtocol and it-pipe',
          measure: (ms) => closedLoop(CALLERS, ms, () => askWithPipe(bare, connection.remotePeer, payload)),
        },
        {
          name: 'js-libp2p, a held connection and lpStream',
          measure: (ms) => closedLoop(CALLERS, ms, () => askWithLpStream(connection, payload)),
        },
      ],
      goals: [
        {
          text: 'peerd / dialProtocol and it-pipe',
          figure: ([ours, pipe]) => Number(ours) / Number(pipe),
          least: 50,
        },
        { text: 'peerd / held connection and lpStream', figure: ([ours, , lp]) => Number(ours) / Number(lp) },
      ],
      tearDown: async () => {
        stopped.abort();
        await running;
        await bare.stop();
        answering.disconnect();
        await once(answering, 'exit');
      },
    };
  },
};
