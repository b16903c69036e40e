import { afterAll, beforeAll, describe } from 'vitest';
import { broadcastContract } from './contract/broadcast.ts';
import { connectionsContract } from './contract/connections.ts';
import { endingsContract } from './contract/endings.ts';
import { nodeContract } from './contract/node.ts';
import { type MakeChain, overOthersContract } from './contract/over-others.ts';
import type { ContractPair, MakePair, StandingPair } from './contract/pair.ts';
import { requestContract } from './contract/request.ts';
import { servicesContract } from './contract/services.ts';
import { streamsContract } from './contract/streams.ts';
import { topContract } from './contract/top.ts';
import { watchingContract } from './contract/watching.ts';

export { nowhere } from './contract/pair.ts';

/**
 * What every implementation of `Client` has to do, whatever is behind it. `makePair` is called for one pair that many tests
 * share, and again by each test that changes or closes its own.
 */
export function contractSuite(name: string, makePair: MakePair, makeChain: MakeChain): void {
  standingSuite(name, makePair, [...calls, broadcastContract, nodeContract]);
  connectionsContract(name, makePair);
  watchingContract(name, makePair);
  topContract(name, makePair);
  endingsContract(name, makePair);
  overOthersContract(name, makeChain);
}

/** What is true of calls also where there is no connection between the two of a pair. */
export function callsSuite(name: string, makePair: MakePair): void {
  standingSuite(name, makePair, calls);
}

type Theme = (standing: StandingPair) => void;
const calls: readonly Theme[] = [requestContract, servicesContract, streamsContract];

function standingSuite(name: string, makePair: MakePair, themes: readonly Theme[]): void {
  describe(`client contract: ${name}`, () => {
    let pair: ContractPair;
    beforeAll(async () => {
      pair = await makePair();
    });
    afterAll(() => pair.close());

    let services = 0;
    const newService = () => {
      services += 1;
      return `service-${services}`;
    };
    const standing: StandingPair = {
      get a() {
        return pair.a;
      },
      get b() {
        return pair.b;
      },
      get between() {
        return pair.between ?? [];
      },
      newService,
      async serve(handler) {
        const service = newService();
        return { service, registration: await pair.b.client.handle(service, handler) };
      },
    };
    for (const theme of themes) theme(standing);
  });
}
