import type { Log } from '../log.ts';
import type { Output } from './messages.ts';

/** Writes down what an operator wants to know of: who came and went, and who was kept out and why. */
export class Narrator {
  readonly #log: Log;
  /** What those that are connected call themselves. */
  readonly #names = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  tell(output: Output): void {
    const log = this.#log;
    switch (output.type) {
      case 'peer/admitted': {
        const { peer, kind, name } = output;
        if (name !== undefined) this.#names.set(peer, name);
        log.info(`connected to ${this.#who(peer)}`, { area: 'hello', peer, kind });
        return;
      }
      case 'peer/refused':
        log.warn(output.error.message, { area: 'hello', peer: output.peer, code: output.error.code });
        return;
      case 'peer/disconnected':
        log.info(`disconnected from ${this.#who(output.peer)}`, { area: 'peers', peer: output.peer });
        this.#names.delete(output.peer);
        return;
      case 'peer/parting':
        log.info(`disconnecting from ${this.#who(output.peer)}, as asked`, {
          area: 'peers',
          peer: output.peer,
        });
        return;
      case 'peer/unreached':
        log.debug(output.error.message, { area: 'peers', code: output.error.code });
        return;
      case 'service/added':
        log.debug(`the service ${JSON.stringify(output.service)} has a handler`, { area: 'services' });
        return;
      case 'service/removed':
        log.debug(`the service ${JSON.stringify(output.service)} has no handler left`, { area: 'services' });
        return;
      case 'connection/abort':
        log.info(output.reason, { area: 'ping' });
        return;
      case 'dht/add': {
        const { peer, addresses } = output;
        log.debug(`adding ${this.#who(peer)} to the DHT`, { area: 'discovery', peer, addresses });
        return;
      }
      case 'dht/remove':
        log.info(`removing ${this.#who(output.peer)} from the DHT`, { area: 'discovery', peer: output.peer });
        return;
      case 'request/close-link': {
        const { peer, reason } = output;
        log.warn(`closed the stream of calls with ${this.#who(peer)}: ${reason}`, { area: 'request', peer });
        return;
      }
    }
  }

  /** `bob (12D3KooW…)`, or the id alone where no name is known. */
  #who(peer: string): string {
    const name = this.#names.get(peer);
    return name === undefined ? peer : `${name} (${peer})`;
  }
}
