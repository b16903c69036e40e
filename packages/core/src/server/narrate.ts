import type { Log } from '../log.ts';
import type { Output } from './messages.ts';

/** Writes down what an operator wants to know of: who came and went, and who was kept out and why. */
export function narrate(log: Log, output: Output): void {
  switch (output.type) {
    case 'peer/admitted':
      log.info(`connected to ${output.name ?? output.peer}`, { peer: output.peer, kind: output.kind });
      return;
    case 'peer/refused':
      log.warn(output.error.message, { peer: output.peer, code: output.error.code });
      return;
    case 'peer/disconnected':
      log.info(`disconnected from ${output.peer}`, { peer: output.peer });
      return;
    case 'peer/parting':
      log.info(`disconnecting from ${output.peer}, as asked`, { peer: output.peer });
      return;
    case 'peer/unreached':
      log.debug(output.error.message, { code: output.error.code });
      return;
    case 'service/added':
      log.debug(`the service ${JSON.stringify(output.service)} has a handler`);
      return;
    case 'service/removed':
      log.debug(`the service ${JSON.stringify(output.service)} has no handler left`);
      return;
    case 'connection/abort':
      log.info(output.reason);
      return;
    case 'dht/add':
      log.debug(`adding ${output.peer} to the DHT`, { addresses: output.addresses });
      return;
    case 'dht/remove':
      log.info(`removing ${output.peer} from the DHT`);
      return;
    case 'request/close-link':
      log.warn(`closed the stream of calls with ${output.peer}: ${output.reason}`, { peer: output.peer });
      return;
  }
}
