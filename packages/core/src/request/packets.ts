import type { CounterInfo } from '@peerd/protocol';
import { Quota } from '../channel/quota.ts';
import type { ConnectionEvent, PeerSignal } from '../peers/messages.ts';
import type { Handlers } from '../server/feature.ts';
import { costOf, FrameType, type PacketFrame } from './frames.ts';
import type { Link } from './link.ts';
import type { LinkPacket } from './messages.ts';
import { PacketQueue } from './packet-queue.ts';
import type { Shared } from './side.ts';

/**
 * Bytes of packets that wait to be written to one neighbour. Of them those that another one has handed over, or that are our
 * own, are as many as are free beside them: nobody shuts the others out, and one transfer that is alone loses nothing as long
 * as it keeps no more than the window of a stream under way. More would only have packets wait longer.
 */
const MAX_WAITING_PACKET_BYTES: number = 2 * 1024 * 1024;

/** The same for all neighbours together: of hundreds that take nothing each would have its own. */
const MAX_ALL_WAITING_PACKET_BYTES: number = 64 * 1024 * 1024;

type Inputs =
  | LinkPacket
  | Extract<PeerSignal, { type: 'peer/admitted' }>
  | Extract<ConnectionEvent, { type: 'connection/closed' }>;

interface Neighbour {
  readonly name: string | undefined;
  /** Those that may be used. */
  readonly connections: readonly string[];
}

const nobody: Neighbour = { name: undefined, connections: [] };

/** Packets on their way to neighbours: each waits at our link to its neighbour, which is opened for it. */
export class Packets {
  readonly handlers: Handlers<Inputs>;
  readonly quotas: readonly Quota[];
  readonly #shared: Shared;
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #waiting = { bytes: 0 };
  readonly #perNeighbour: Quota;
  readonly #all: Quota;
  /** Those that waited at a link when it ended, or had none to wait at. */
  #lost = 0;

  /** `linkTo`: our link to a neighbour, opened over the connection when there is none. */
  constructor(
    shared: Shared & { readonly links: ReadonlyMap<number, Link> },
    linkTo: (peer: string, connection: string, name: string | undefined) => Link,
  ) {
    this.#shared = shared;
    this.#perNeighbour = new Quota(
      'bytes of packets to the busiest neighbour',
      'bytes',
      () => MAX_WAITING_PACKET_BYTES,
      () => {
        let most = 0;
        for (const { packets } of shared.links.values()) most = Math.max(most, packets?.bytes ?? 0);
        return most;
      },
    );
    this.#all = new Quota(
      'bytes of packets to all neighbours',
      'bytes',
      () => MAX_ALL_WAITING_PACKET_BYTES,
      () => this.#waiting.bytes,
    );
    this.quotas = [this.#perNeighbour, this.#all];
    this.handlers = {
      'link/packet': ({ peer, head, body, from = '' }) => {
        const { name, connections } = this.#neighbours.get(peer) ?? nobody;
        const [connection] = connections;
        if (connection === undefined) this.#lost += 1;
        else
          this.#queue(linkTo(peer, connection, name), { type: FrameType.packet, call: 0, head, body }, from);
      },
      'peer/admitted': ({ peer, connection, name }) => {
        const { connections } = this.#neighbours.get(peer) ?? nobody;
        this.#neighbours.set(peer, { name, connections: [...connections, connection] });
      },
      'connection/closed': ({ peer, connection }) => {
        const neighbour = this.#neighbours.get(peer);
        const connections = neighbour?.connections.filter((other) => other !== connection) ?? [];
        if (connections.length === 0) this.#neighbours.delete(peer);
        else this.#neighbours.set(peer, { name: neighbour?.name, connections });
      },
    };
  }

  /** A link has ended, and with it what waited there. */
  linkClosed({ packets }: Link): void {
    this.#lost += packets?.clear() ?? 0;
  }

  get counters(): readonly CounterInfo[] {
    return [{ name: 'packets lost with the link they waited for', count: this.#lost }];
  }

  snapshot(): unknown {
    return { waitingBytes: this.#waiting.bytes, lost: this.#lost, neighbours: [...this.#neighbours] };
  }

  #queue(link: Link, packet: PacketFrame, from: string): void {
    link.packets ??= new PacketQueue(this.#waiting);
    const bytes = costOf(packet);
    const { context } = this.#shared;
    const freeBytes = MAX_WAITING_PACKET_BYTES - link.packets.bytes;
    if (link.packets.shareOf(from) + bytes > freeBytes) return this.#perNeighbour.refuse(context);
    if (this.#waiting.bytes + bytes > MAX_ALL_WAITING_PACKET_BYTES) return this.#all.refuse(context);
    link.packets.push(packet, from);
    this.#shared.touch(link);
  }
}
