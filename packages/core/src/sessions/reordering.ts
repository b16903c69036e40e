import type { Held, Range } from './outbox.ts';

/** Packets that may wait for one that is missing: more than the other end has under way. */
const MAX_WAITING = 1_024;

/** And bytes of all sessions that may: few have lost anything at a time. What finds no room is sent again. */
const MAX_ALL_WAITING_BYTES: number = 64 * 1024 * 1024;

/** What a packet that waits takes besides its bytes. */
const PACKET_COST_BYTES = 128;

/** Ranges that an acknowledgement names: losses come in bursts, so few say it all. */
export const MAX_RANGES = 16;

/** Puts packets back into the order in which they were sent, each once. */
export class Reordering<Packet extends { readonly data: Uint8Array }> {
  readonly #held: Held;
  readonly #waiting = new Map<number, Packet>();
  #next = 0;

  /** `held`: what waits in all sessions. */
  constructor(held: Held) {
    this.#held = held;
  }

  /** All before it have come. */
  get next(): number {
    return this.#next;
  }

  /** Hands over what is in order now. False: it came before, or is too far ahead. */
  take(counter: number, packet: Packet, ready: (packet: Packet) => void): boolean {
    if (counter < this.#next || this.#waiting.has(counter)) return false;
    if (counter > this.#next) {
      if (counter > this.#next + MAX_WAITING || this.#held.bytes > MAX_ALL_WAITING_BYTES) return false;
      this.#waiting.set(counter, packet);
      this.#held.bytes += costOf(packet);
      return true;
    }
    this.#next += 1;
    ready(packet);
    for (let next = this.#waiting.get(this.#next); next !== undefined; next = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#held.bytes -= costOf(next);
      this.#next += 1;
      ready(next);
    }
    return true;
  }

  /** Whether some have come before their time. */
  get hasGaps(): boolean {
    return this.#waiting.size > 0;
  }

  /** Those that have. */
  get ranges(): Range[] {
    if (this.#waiting.size === 0) return [];
    const ranges: [number, number][] = [];
    for (const counter of [...this.#waiting.keys()].sort((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last?.[1] === counter) last[1] = counter + 1;
      else if (ranges.length < MAX_RANGES) ranges.push([counter, counter + 1]);
      else break;
    }
    return ranges;
  }

  /** The session is over. */
  letGo(): void {
    for (const packet of this.#waiting.values()) this.#held.bytes -= costOf(packet);
    this.#waiting.clear();
  }

  snapshot(): unknown {
    return [this.#next, ...this.#waiting.keys()];
  }
}

function costOf({ data }: { readonly data: Uint8Array }): number {
  return PACKET_COST_BYTES + data.length;
}
