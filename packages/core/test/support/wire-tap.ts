import type { GossipSub } from '@libp2p/gossipsub';
import type { RPC } from '@libp2p/gossipsub/message';
import { BareNode } from './bare-node.ts';

type Receive = (this: Tapped, from: { toString(): string }, rpc: RPC) => Promise<void>;
type Tapped = GossipSub & { components: { peerId: { toString(): string } }; handleReceivedRpc: Receive };

/** Counts the messages that any node of this process gets from any other over GossipSub, copies included. */
export class WireTap implements AsyncDisposable {
  /** `from to payload` as text, and how often it was sent. */
  readonly sent = new Map<string, number>();
  readonly #restore: () => void;

  private constructor(prototype: Tapped) {
    const { sent } = this;
    const receive = prototype.handleReceivedRpc;
    prototype.handleReceivedRpc = function (from, rpc) {
      for (const { data } of rpc.messages) {
        const key = `${from} ${this.components.peerId} ${Buffer.from(data ?? []).toString()}`;
        sent.set(key, (sent.get(key) ?? 0) + 1);
      }
      return receive.call(this, from, rpc);
    };
    this.#restore = () => {
      prototype.handleReceivedRpc = receive;
    };
  }

  static async install(): Promise<WireTap> {
    await using some = await BareNode.start();
    return new WireTap(Object.getPrototypeOf(some.gossip) as Tapped);
  }

  /** What was sent more than once by one node to another. */
  get repeated(): string[] {
    return [...this.sent].filter(([, count]) => count > 1).map(([key]) => key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#restore();
  }
}
