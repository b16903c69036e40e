import { afterAll, beforeAll, describe } from 'vitest';
import { broadcastContract } from './contract/broadcast.ts';
import { connectionsContract } from './contract/connections.ts';
import { endingsContract } from './contract/endings.ts';
import { nodeContract } from './contract/node.ts';
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
export function contractSuite(name: string, makePair: MakePair): void {
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
      newService,
      async serve(handler) {
        const service = newService();
        return { service, registration: await pair.b.client.handle(service, handler) };
      },
    };
    requestContract(standing);
    servicesContract(standing);
    streamsContract(standing);
    broadcastContract(standing);
    nodeContract(standing);
  });
  connectionsContract(name, makePair);
  watchingContract(name, makePair);
  topContract(name, makePair);
  endingsContract(name, makePair);
}
