/** Deadlines are kept in slots this wide, in ms: one is met at most this late. */
export const DEADLINE_SLOT_MS = 10;

/**
 * Many deadlines with one timer: adding and removing one costs a set operation, whatever their number.
 * It holds no clock; `expire` is told the time.
 */
export class Deadlines<T extends object> {
  readonly #slots = new Map<number, Set<T>>();
  /** Binary heap of the numbers of the slots above. */
  readonly #heap: number[] = [];

  /** The time, in ms, of the earliest deadline; `Infinity` with none. */
  get nextMs(): number {
    while (this.#heap.length > 0) {
      const slot = this.#heap[0] as number;
      if ((this.#slots.get(slot)?.size ?? 0) > 0) return slot * DEADLINE_SLOT_MS;
      this.#slots.delete(slot);
      this.#popSlot();
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Returns the slot to pass to `remove`. */
  add(item: T, atMs: number): number {
    const slot = Math.ceil(atMs / DEADLINE_SLOT_MS);
    let items = this.#slots.get(slot);
    if (items === undefined) {
      items = new Set();
      this.#slots.set(slot, items);
      this.#pushSlot(slot);
    }
    items.add(item);
    return slot;
  }

  remove(item: T, slot: number): void {
    this.#slots.get(slot)?.delete(item);
  }

  /** Removes and hands over, oldest first, all whose time has come. `met` may add and remove others. */
  expire(nowMs: number, met: (item: T) => void): void {
    while (this.nextMs <= nowMs) {
      const items = this.#slots.get(this.#heap[0] as number);
      for (const item of items ?? []) {
        items?.delete(item);
        met(item);
      }
    }
  }

  #pushSlot(slot: number): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(slot);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as number) <= slot) break;
      heap[i] = heap[parent] as number;
      i = parent;
    }
    heap[i] = slot;
  }

  #popSlot(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child += 1;
      if ((heap[child] as number) >= last) break;
      heap[i] = heap[child] as number;
      i = child;
    }
    heap[i] = last;
  }
}
