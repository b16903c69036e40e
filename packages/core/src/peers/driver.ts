import { dialTarget, rememberedPeers, rememberPeer } from '../host/dial.ts';
import type { Host } from '../host/node.ts';
import type { Log } from '../log.ts';
import type { Drivers, Event } from '../server/messages.ts';

/** Dials, closes, and keeps peers for the next run. */
export class PeersDriver {
  readonly effects: Pick<Drivers, 'peer/dial' | 'peer/remember' | 'connection/abort' | 'connection/hang-up'>;
  readonly #host: Host;
  readonly #post: (event: Event) => void;
  readonly #log: Log;
  /** Whether the log has heard of another node with our identity: it is dialled again and again. */
  #hasToldOfTwin = false;

  constructor(host: Host, post: (event: Event) => void, log: Log) {
    this.#host = host;
    this.#post = post;
    this.#log = log;
    this.effects = {
      'peer/dial': ({ key, peer, address }) => void this.#dial(key, peer, address),
      'peer/remember': ({ peer, name }) => void this.#remember(peer, name),
      'connection/abort': ({ connection, reason }) =>
        host.connections.get(connection)?.abort(new Error(reason)),
      'connection/hang-up': ({ connection }) =>
        host.connections.get(connection)?.abort(new Error('disconnected by the user')),
    };
  }

  /** Reports the peers of the run before. */
  async start(): Promise<void> {
    try {
      const peers = await rememberedPeers(this.#host.node);
      if (peers.length > 0) this.#post({ type: 'peer/remembered', peers });
    } catch (error) {
      this.#log.warn(`the peers of the last run can't be read: ${(error as Error).message}`);
    }
  }

  async #dial(key: string, peer: string | undefined, address: string | undefined): Promise<void> {
    try {
      const reached = await dialTarget(this.#host.node, peer, address);
      this.#post({ type: 'dial/done', key, peer: reached });
    } catch (error) {
      const { name } = error as Error;
      // libp2p's for a handshake that proves our own key.
      const isOurself = name === 'InvalidPeerIdError' && address !== undefined && peer === undefined;
      if (isOurself) this.#tellOfTwin(address);
      const why = isOurself ? 'who answers there has the identity of this node' : reasonOf(error as Error);
      this.#post({ type: 'dial/failed', key, peer, message: why, ...(isOurself ? { isOurself } : {}) });
    }
  }

  #tellOfTwin(address: string): void {
    const { node } = this.#host;
    const isOurs = node.getMultiaddrs().some((own) => own.toString() === `${address}/p2p/${node.peerId}`);
    if (isOurs || this.#hasToldOfTwin) return;
    this.#hasToldOfTwin = true;
    this.#log.warn(
      `another node at ${address} runs with this node's identity, unless that is an address of this node: what is meant for one reaches either, so give one of them a key of its own`,
    );
  }

  async #remember(peer: string, name: string | undefined): Promise<void> {
    try {
      await rememberPeer(this.#host.node, peer, name, Date.now());
    } catch (error) {
      this.#log.warn(`${peer} can't be kept for the next run: ${(error as Error).message}`);
    }
  }
}

/** Of a peer that was dialled at several addresses: what each of them came to, and not that all dials failed. */
function reasonOf(error: Error): string {
  // libp2p's own says no more, and names the peer once more.
  if (error.name === 'NoValidAddressesError') return 'no address is known that it could be dialled at';
  if (!(error instanceof AggregateError) || error.errors.length === 0) return error.message;
  return [...new Set(error.errors.map(({ message }: Error) => message))].join('; ');
}
