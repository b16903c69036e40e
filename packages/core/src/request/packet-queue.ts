import { Ring } from '@peerd/protocol/queues';
import { costOf, type PacketFrame } from './frames.ts';

/** What waits in all queues of a node together. */
export interface Waiting {
  bytes: number;
}

interface Entry {
  readonly packet: PacketFrame;
  /** Who handed it over; empty: it is our own. */
  readonly from: string;
}

/** Packets that wait to be written to one neighbour, in order. */
export class PacketQueue {
  bytes = 0;
  readonly #waiting: Waiting;
  /** Those that wait since an earlier turn, and own their bytes. */
  readonly #kept = new Ring<Entry>();
  readonly #fresh = new Ring<Entry>();
  readonly #shares = new Map<string, number>();

  constructor(waiting: Waiting) {
    this.#waiting = waiting;
  }

  get size(): number {
    return this.#kept.size + this.#fresh.size;
  }

  /** Of the bytes that wait, those that one neighbour has handed over. */
  shareOf(from: string): number {
    return this.#shares.get(from) ?? 0;
  }

  push(packet: PacketFrame, from: string): void {
    this.#fresh.push({ packet, from });
    this.#count(from, costOf(packet));
  }

  shift(): PacketFrame | undefined {
    const entry = this.#kept.shift() ?? this.#fresh.shift();
    if (entry === undefined) return undefined;
    this.#count(entry.from, -costOf(entry.packet));
    return entry.packet;
  }

  /**
   * Has those that could not be written this turn own their bytes: a packet is a small part of the buffer that it came in,
   * and would keep all of it in memory.
   */
  keep(): void {
    for (let entry = this.#fresh.shift(); entry !== undefined; entry = this.#fresh.shift()) {
      const { type, call, head, body } = entry.packet;
      const packet = { type, call, head: owned(head), body: body.map(owned) };
      this.#kept.push({ packet, from: entry.from });
    }
  }

  /** Returns how many there were. */
  clear(): number {
    const { size } = this;
    while (this.shift() !== undefined);
    return size;
  }

  #count(from: string, bytes: number): void {
    const share = this.shareOf(from) + bytes;
    if (share === 0) this.#shares.delete(from);
    else this.#shares.set(from, share);
    this.bytes += bytes;
    this.#waiting.bytes += bytes;
  }
}

/** Copied unless it is a good part of its buffer. */
function owned(part: Uint8Array): Uint8Array {
  return part.length * 4 < part.buffer.byteLength ? new Uint8Array(part) : part;
}
