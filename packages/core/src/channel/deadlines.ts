/** Deadlines are kept in slots this wide by default, in ms: one is met at most this late. */
export const DEADLINE_SLOT_MS = 10;

/** Empty slots that may stand around. */
const SWEEP_SLOTS = 1_024;

/** The deadlines that fall into one slot, in the order in which they were added. */
class Slot<T> {
  first: Deadline<T> | undefined;
  last: Deadline<T> | undefined;
}

/** One deadline: what `remove` takes. */
export class Deadline<T> {
  readonly item: T;
  slot: Slot<T> | undefined;
  before: Deadline<T> | undefined;
  after: Deadline<T> | undefined;

  constructor(item: T, slot: Slot<T>) {
    this.item = item;
    this.slot = slot;
  }
}

/**
 * Many deadlines with one timer: each slot is a linked list, so that adding and removing cost the same few
 * assignments whatever their number. It holds no clock; `expire` is told the time.
 */
export class Deadlines<T> {
  readonly #slotMs: number;
  readonly #slots = new Map<number, Slot<T>>();
  /** Binary heap of the numbers of the slots above. */
  #heap: number[] = [];
  /** Slots that have been emptied since the last sweep. */
  #emptied = 0;

  constructor(slotMs: number = DEADLINE_SLOT_MS) {
    this.#slotMs = slotMs;
  }

  /** The time, in ms, of the earliest deadline; `Infinity` with none. */
  get nextMs(): number {
    while (this.#heap.length > 0) {
      const number = this.#heap[0] as number;
      if (this.#slots.get(number)?.first !== undefined) return number * this.#slotMs;
      this.#slots.delete(number);
      this.#popSlot();
    }
    return Number.POSITIVE_INFINITY;
  }

  add(item: T, atMs: number): Deadline<T> {
    const number = Math.ceil(atMs / this.#slotMs);
    let slot = this.#slots.get(number);
    if (slot === undefined) {
      if (this.#emptied > SWEEP_SLOTS && this.#emptied > this.#slots.size / 2) this.#sweep();
      slot = new Slot();
      this.#slots.set(number, slot);
      this.#pushSlot(number);
    }
    const deadline = new Deadline(item, slot);
    deadline.before = slot.last;
    if (slot.last === undefined) slot.first = deadline;
    else slot.last.after = deadline;
    slot.last = deadline;
    return deadline;
  }

  /** One that was removed or met before is left alone, and so is none. */
  remove(deadline: Deadline<T> | undefined): void {
    const slot = deadline?.slot;
    if (deadline === undefined || slot === undefined) return;
    deadline.slot = undefined;
    if (deadline.before === undefined && deadline.after === undefined) this.#emptied += 1;
    if (deadline.before === undefined) slot.first = deadline.after;
    else deadline.before.after = deadline.after;
    if (deadline.after === undefined) slot.last = deadline.before;
    else deadline.after.before = deadline.before;
  }

  /** Removes and hands over, oldest first, all whose time has come. `met` may add and remove others. */
  expire(nowMs: number, met: (item: T) => void): void {
    while (this.nextMs <= nowMs) {
      const slot = this.#slots.get(this.#heap[0] as number);
      for (let next = slot?.first; next !== undefined; next = slot?.first) {
        this.remove(next);
        met(next.item);
      }
    }
  }

  /** Lets go of empty slots before their time: a peer that asks for far deadlines must not fill our memory. */
  #sweep(): void {
    for (const [number, { first }] of this.#slots) if (first === undefined) this.#slots.delete(number);
    // A sorted array is a heap.
    this.#heap = [...this.#slots.keys()].sort((a, b) => a - b);
    this.#emptied = 0;
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
