import { Ring } from '@peerd/protocol/queues';
import { costOf, type PacketFrame } from './frames.ts';

/** What waits in all queues of a node together. */
export interface Waiting {
  bytes: number;
}

/** Packets that wait to be written to one neighbour, in order. */
export class PacketQueue {
  bytes = 0;
  readonly #waiting: Waiting;
  /** Those that wait since an earlier turn, and own their bytes. */
  readonly #kept = new Ring<PacketFrame>();
  readonly #fresh = new Ring<PacketFrame>();

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  get size(): number {
    return this.#kept.size + this.#fresh.size;
  }

  push(packet: PacketFrame): void {
    this.#fresh.push(packet);
    this.#count(costOf(packet));
  }

  shift(): PacketFrame | undefined {
    const packet = this.#kept.shift() ?? this.#fresh.shift();
    if (packet !== undefined) this.#count(-costOf(packet));
    return packet;
  }

  /**
   * Has those that could not be written this turn own their bytes: a packet is a small part of the buffer that it came in,
   * and would keep all of it in memory.
   */
  keep(): void {
    for (let packet = this.#fresh.shift(); packet !== undefined; packet = this.#fresh.shift()) {
      const { type, call, head, body } = packet;
      this.#kept.push({ type, call, head: owned(head), body: body.map(owned) });
    }
  }

  /** Returns how many there were. */
  clear(): number {
    const { size } = this;
    while (this.shift() !== undefined);
    return size;
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#waiting.bytes += bytes;
  }
}

/** Copied unless it is a good part of its buffer. */
function owned(part: Uint8Array): Uint8Array {
  return part.length * 4 < part.buffer.byteLength ? new Uint8Array(part) : part;
}
