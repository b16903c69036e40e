import { Ring } from './ring.ts';

/** Up to here all count as equally short, in bytes: a power of four. */
const SHORTEST_BYTES = 16 * 1024;

/** Each for up to four times the bytes of the one before: the last for 64 MiB and more, the longest that there is. */
const CLASSES = 7;

/** One turn in so many goes to the classes in rotation, so that nothing waits for ever behind what is shorter. */
const ROTATION = 4;

/**
 * A queue of what takes several turns to be sent: what has least left goes first, by classes of four times the bytes. In
 * turn, equally long ones would all be whole at the end; this way the first is whole, and worked on by its receiver, while
 * the next is on its way. Within a class one is sent until it leaves it, and what comes to a class waits behind all that is
 * there: with a turn for every class now and then, all get through.
 */
export class ShortestFirst<T> {
  readonly #classes: readonly Ring<T>[] = Array.from({ length: CLASSES }, () => new Ring<T>(2));
  #size = 0;
  #turns = 0;
  /** The class that last had a turn of the rotation. */
  #rotated = 0;
  /** Where the one that was taken last stood. */
  #taken = 0;

  get size(): number {
    return this.#size;
  }

  /** `bytesLeft`: what is still to be sent of it. */
  push(item: T, bytesLeft: number): void {
    this.#ringOf(bytesLeft).push(item);
    this.#size += 1;
  }

  /** Puts back the one that was taken last: to the front if it belongs where it was. */
  putBack(item: T, bytesLeft: number): void {
    const ring = this.#ringOf(bytesLeft);
    if (ring === this.#classes[this.#taken]) ring.unshift(item);
    else ring.push(item);
    this.#size += 1;
  }

  /** Puts one before all that are equally long: it has waited already. */
  putFirst(item: T, bytesLeft: number): void {
    this.#ringOf(bytesLeft).unshift(item);
    this.#size += 1;
  }

  /** The next one, which is to be put back if anything is left of it then. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    this.#size -= 1;
    this.#turns += 1;
    let at = 0;
    const isRotation = this.#turns % ROTATION === 0;
    if (isRotation) at = (this.#rotated + 1) % CLASSES;
    while (this.#classes[at]?.size === 0) at = (at + 1) % CLASSES;
    if (isRotation) this.#rotated = at;
    this.#taken = at;
    return this.#classes[at]?.shift();
  }

  /** Takes out what `isOver`. */
  sweep(isOver: (item: T) => boolean): void {
    this.#size = 0;
    for (const ring of this.#classes) {
      for (let left = ring.size; left > 0; left -= 1) {
        const item = ring.shift() as T;
        if (!isOver(item)) ring.push(item);
      }
      this.#size += ring.size;
    }
  }

  #ringOf(bytesLeft: number): Ring<T> {
    let longest = SHORTEST_BYTES;
    let at = 0;
    for (; at < CLASSES - 1 && bytesLeft > longest; at += 1) longest *= 4;
    return this.#classes[at] as Ring<T>;
  }
}
