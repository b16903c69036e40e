import type { GossipSub } from '@libp2p/gossipsub';
import type { Stream, StreamCloseEvent } from '@libp2p/interface';
import type { QueueInfo } from '@peerd/protocol';
import { OVERFLOW_QUEUE } from '../broadcast/quotas.ts';

type Streams = Map<string, { readonly rawStream?: Stream }>;

/**
 * Watches what waits for neighbours that take broadcasts slower than they come. Past the bound libp2p resets the stream,
 * and all that waited in it is lost to that neighbour; GossipSub itself tells nobody. `overflowed` is called then.
 */
export class GossipOverflow {
  readonly #streams: Streams;
  readonly #limitBytes: number;
  #overflows = 0;

  constructor(gossip: GossipSub, limitBytes: number, overflowed: (peer: string) => void) {
    this.#limitBytes = limitBytes;
    this.#streams = (gossip as unknown as { streamsOutbound: Streams }).streamsOutbound;
    const { set } = this.#streams;
    this.#streams.set = (peer, stream) => {
      stream.rawStream?.addEventListener('close', ({ error }: StreamCloseEvent) => {
        if (error?.name !== 'StreamBufferError') return;
        this.#overflows += 1;
        overflowed(peer);
      });
      return set.call(this.#streams, peer, stream);
    };
  }

  get load(): QueueInfo {
    const sizes = [...this.#streams.values()].map(({ rawStream }) => rawStream?.writeBufferLength ?? 0);
    return {
      name: OVERFLOW_QUEUE,
      unit: 'bytes',
      size: Math.max(0, ...sizes),
      limit: this.#limitBytes,
      refused: this.#overflows,
    };
  }
}
