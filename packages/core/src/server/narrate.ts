import type { NodeLife } from '@peerd/protocol';
import type { Log } from '../log.ts';
import type { Output } from './messages.ts';

/** Writes down what an operator wants to know of: who came and went, and who was kept out and why. */
export class Narrator {
  readonly #log: Log;
  /** What those that are connected call themselves, and those that there is a way to. */
  readonly #names = new Map<string, string>();
  readonly #routed = new Map<string, string>();
  /** Whom the links over sessions lead to. */
  readonly #ends = new Map<number, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `life`: what the output is in the life of the node, if it is that. */
  tell(output: Output, life: NodeLife | undefined): void {
    if (life === undefined) this.#tellDetail(output);
    else this.#tellLife(life);
  }

  #tellLife(life: NodeLife): void {
    const log = this.#log;
    switch (life.type) {
      case 'peer-connected': {
        const { peer, kind, name } = life;
        if (name !== undefined) this.#names.set(peer, name);
        log.info(`connected to ${this.#who(peer)}`, { area: 'hello', peer, kind });
        return;
      }
      case 'peer-refused':
        log.warn(life.reason, { area: 'hello', peer: life.peer, code: life.code });
        return;
      case 'peer-disconnected':
        log.info(`disconnected from ${this.#who(life.peer)}`, { area: 'peers', peer: life.peer });
        this.#names.delete(life.peer);
        return;
      case 'route-found':
        this.#routed.set(life.peer, life.name);
        log.debug(`there is a way to ${life.name} (${life.peer})`, { area: 'routing', peer: life.peer });
        return;
      case 'route-lost':
        this.#routed.delete(life.peer);
        log.debug(`there is no way to ${life.name} (${life.peer}) any more`, {
          area: 'routing',
          peer: life.peer,
        });
        return;
      case 'service-added':
        log.debug(`the service ${JSON.stringify(life.service)} has a handler`, { area: 'services' });
        return;
      case 'service-removed':
        log.debug(`the service ${JSON.stringify(life.service)} has no handler left`, { area: 'services' });
        return;
      case 'topic-joined':
        log.debug(`joined the topic ${life.topic}`, { area: 'broadcast' });
        return;
      case 'topic-left':
        log.debug(`left the topic ${life.topic}`, { area: 'broadcast' });
        return;
      case 'overload': {
        const { queue, limit, unit, refused } = life;
        const size = unit === 'bytes' ? `${limit} bytes` : `${limit}`;
        log.warn(`${queue}: full at ${size}, ${refused} refused or lost so far`, { area: 'loop', queue });
        return;
      }
    }
  }

  #tellDetail(output: Output): void {
    const log = this.#log;
    switch (output.type) {
      case 'peer/parting':
        log.info(
          output.connections.length > 0
            ? `disconnecting from ${this.#who(output.peer)}, as asked`
            : `${this.#who(output.peer)} is not connected, and not dialled without need any more, as asked`,
          { area: 'peers', peer: output.peer },
        );
        return;
      case 'peer/unreached':
        log.debug(output.error.message, { area: 'peers', code: output.error.code });
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
      case 'discovery/unreached': {
        const { address, error, nextDialMs } = output;
        const next = `dialled again in ${(nextDialMs / 1_000).toFixed(1)} s, and then less and less often`;
        // Most reasons name it.
        const where = error.message.includes(address) ? '' : ` at ${address}`;
        log.warn(`a configured peer${where} is not reached: ${error.message}; ${next}`, {
          area: 'discovery',
          code: error.code,
        });
        return;
      }
      case 'discovery/itself':
        log.info(`${output.address}, one of the configured peers, is this node itself: it is left alone`, {
          area: 'discovery',
        });
        return;
      case 'seal/unsent':
        log.debug(output.error.message, { area: 'routing', peer: output.to, code: output.error.code });
        return;
      case 'request/dispatch': {
        if (!log.isDebugging?.('request')) return;
        const { peer, peerName, service, payload } = output;
        const what = service === '' ? '' : ` the service ${JSON.stringify(service)}`;
        log.debug(`${this.#who(peer, peerName)} asks${what}: ${payload.length} bytes`, {
          area: 'request',
          peer,
        });
        return;
      }
      case 'request/open-link':
        log.debug(`opening a stream of calls on connection ${output.connection}`, { area: 'request' });
        return;
      case 'session/open':
        this.#ends.set(output.link, output.peer);
        log.debug(`calls to ${this.#who(output.peer)} go over others, in a session`, {
          area: 'request',
          peer: output.peer,
        });
        return;
      case 'session/inbound': {
        const { link, peer, name } = output;
        this.#ends.set(link, peer);
        log.debug(`calls of ${this.#who(peer, name)} come over others, in a session`, {
          area: 'request',
          peer,
        });
        return;
      }
      case 'session/failed': {
        const { link, code, message } = output;
        log.debug(`no session with ${this.#endOf(link)}: ${message}`, { area: 'request', code });
        this.#ends.delete(link);
        return;
      }
      case 'session/close': {
        const { link, reason, isFault } = output;
        const text = `closed the session with ${this.#endOf(link)}: ${reason}`;
        if (isFault) log.warn(text, { area: 'request' });
        else log.debug(text, { area: 'request' });
        this.#ends.delete(link);
        return;
      }
      case 'session/closed':
        this.#ends.delete(output.link);
        return;
      case 'request/close-link': {
        const { peer, reason } = output;
        log.warn(`closed the stream of calls with ${this.#who(peer)}: ${reason}`, { area: 'request', peer });
        return;
      }
    }
  }

  #endOf(link: number): string {
    const peer = this.#ends.get(link);
    return peer === undefined ? 'a peer' : this.#who(peer);
  }

  /** `bob (12D3KooW…)`, or the id alone where no name is known. */
  #who(peer: string, ownName?: string): string {
    const name = ownName ?? this.#names.get(peer) ?? this.#routed.get(peer);
    return name === undefined ? peer : `${name} (${peer})`;
  }
}
