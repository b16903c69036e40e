/** Ids of all senders together. At some 100 bytes each they take some 6 MB. */
const MAX_TAKEN = 65_536;

/** Ids of one sender: one that makes peers up, to fill the rest, needs many of them. */
const MAX_TAKEN_OF_SENDER = 4_096;

export interface TakenLimits {
  readonly maxTaken: number;
  readonly maxOfSender: number;
}

export const defaultTakenLimits: TakenLimits = { maxTaken: MAX_TAKEN, maxOfSender: MAX_TAKEN_OF_SENDER };

/** Ids are forgotten together, by when they expire: so many ms of them at a time. */
const SLOT_MS = 60_000;

/**
 * The messages that were taken and have not expired. One that is sent again has the id and the expiry that it had, both
 * are signed, so it is looked for where it would be: among those that expire when it does.
 */
export class Taken {
  /** By expiry, then by sender. */
  readonly #slots = new Map<number, Map<string, Set<string>>>();
  readonly limits: TakenLimits;
  #size = 0;
  #forgottenMs = 0;
  #nextExpiryMs = Number.POSITIVE_INFINITY;

  constructor(limits: TakenLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** When the first of them expire, in ms since 1970; `Infinity`: there are none. */
  get nextExpiryMs(): number {
    return this.#nextExpiryMs;
  }

  /**
   * Of what expires before this, in ms since 1970, some may have been taken and forgotten. A clock that is set back, having
   * been too far ahead, must not let it come again.
   */
  get forgottenMs(): number {
    return this.#forgottenMs;
  }

  has(sender: string, id: Uint8Array, expiresMs: number): boolean {
    return this.#slots.get(slotOf(expiresMs))?.get(sender)?.has(keyOf(id)) ?? false;
  }

  /** Whether one more of this sender can be remembered: else it must not be taken. */
  hasRoom(sender: string): boolean {
    if (this.#size >= this.limits.maxTaken) return false;
    let ofSender = 0;
    for (const slot of this.#slots.values()) ofSender += slot.get(sender)?.size ?? 0;
    return ofSender < this.limits.maxOfSender;
  }

  add(sender: string, id: Uint8Array, expiresMs: number): void {
    const key = slotOf(expiresMs);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new Map();
      this.#slots.set(key, slot);
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, endOf(key));
    }
    const ids = slot.get(sender);
    if (ids === undefined) slot.set(sender, new Set([keyOf(id)]));
    else ids.add(keyOf(id));
    this.#size += 1;
  }

  /** Forgets those that are refused by their expiry alone. */
  expire(dateMs: number): void {
    if (this.#nextExpiryMs > dateMs) return;
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    for (const [key, slot] of this.#slots) {
      if (endOf(key) > dateMs) {
        this.#nextExpiryMs = Math.min(this.#nextExpiryMs, endOf(key));
        continue;
      }
      this.#slots.delete(key);
      this.#forgottenMs = Math.max(this.#forgottenMs, endOf(key));
      for (const ids of slot.values()) this.#size -= ids.size;
    }
  }
}

function slotOf(expiresMs: number): number {
  return Math.floor(expiresMs / SLOT_MS);
}

function endOf(slot: number): number {
  return (slot + 1) * SLOT_MS;
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1');
}
