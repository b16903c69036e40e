import { addToTable, bootstrapTable, removeFromTable } from '../host/dht.ts';
import type { Host } from '../host/node.ts';
import type { Log } from '../log.ts';
import type { Drivers } from '../server/messages.ts';

/** Keeps the DHT's table. */
export class DiscoveryDriver {
  readonly effects: Pick<Drivers, 'dht/add' | 'dht/remove' | 'dht/bootstrap'>;

  constructor(host: Host, log: Log) {
    const done = (what: string, work: Promise<void>) => {
      work.catch((error: Error) => log.debug(`${what}: ${error.message}`));
    };
    this.effects = {
      'dht/add': ({ peer, addresses }) =>
        done(`adding ${peer} to the DHT`, addToTable(host.node, peer, addresses)),
      'dht/remove': ({ peer }) => done(`removing ${peer} from the DHT`, removeFromTable(host.node, peer)),
      'dht/bootstrap': () => done('DHT bootstrap', bootstrapTable(host.node)),
    };
  }
}
