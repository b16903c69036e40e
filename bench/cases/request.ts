import { Children } from '../children.ts';
import type { Kind } from '../processes/request.ts';
import type { Case, Contender } from '../run.ts';

const callers = 64;
const payloadBytes = 128;

/** For each contender two processes of its own, Noise and Yamux between them; one asks, the other echoes. */
export const request: Case = {
  title: `request and answer of 128 B between two processes, ${callers} callers, requests/s`,
  setUp: async () => {
    const children = new Children();
    const contender = async (row: string, kind: Kind): Promise<Contender> => {
      const answering = await children.start('request.ts', ['answer', kind]);
      const asking = await children.start('request.ts', ['ask', kind, String(await answering.ready)]);
      return {
        rows: [row],
        measure: async (ms) => [(await asking.measure({ ms, callers, payloadBytes })).callsPerSecond],
      };
    };
    const pipe = 'js-libp2p, dialProtocol and it-pipe';
    const lpStream = 'js-libp2p, a held connection and lpStream';
    return {
      contenders: [
        await contender('peerd', 'peerd'),
        await contender(pipe, 'pipe'),
        await contender(lpStream, 'lp-stream'),
      ],
      goals: [
        { text: 'peerd / dialProtocol and it-pipe', figure: (of) => of('peerd') / of(pipe), least: 50 },
        { text: 'peerd / held connection and lpStream', figure: (of) => of('peerd') / of(lpStream) },
      ],
      tearDown: () => children.end(),
    };
  },
};
