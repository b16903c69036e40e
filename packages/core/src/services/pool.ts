import { type Admitted, admits, either } from './access.ts';

/** One handler of a service. */
export class Member {
  readonly ref: number;
  readonly admitted: Admitted;
  readonly concurrency: number;
  /** Requests given to it that have not been answered. */
  inHand = 0;

  constructor(ref: number, admitted: Admitted, concurrency: number) {
    this.ref = ref;
    this.admitted = admitted;
    this.concurrency = concurrency;
  }
}

/**
 * The handlers of one service, by who is free: those that take one more stand in levels by the number they have in
 * hand, each level in the order in which it was reached. To find the next one takes no search.
 */
export class Pool<M extends Member> {
  readonly #members = new Set<M>();
  readonly #levels: Set<M>[] = [];
  /** No level below has anyone. */
  #lowest = 0;

  get size(): number {
    return this.#members.size;
  }

  get members(): Iterable<M> {
    return this.#members;
  }

  /** Whom its members admit together. */
  get admitted(): Admitted {
    let all: Admitted = new Set();
    for (const { admitted } of this.#members) all = either(all, admitted);
    return all;
  }

  add(member: M): void {
    this.#members.add(member);
    this.#put(member);
  }

  /** What it has in hand it keeps. */
  remove(member: M): void {
    if (this.#members.delete(member)) this.#levels[member.inHand]?.delete(member);
  }

  /** Whether it has members and none of them admits anybody. */
  get isClosed(): boolean {
    for (const { admitted } of this.#members) if (admitted?.size !== 0) return false;
    return true;
  }

  /** Whether a member admits the peer, busy or not. */
  admits(peer: string): boolean {
    for (const { admitted } of this.#members) if (admits(admitted, peer)) return true;
    return false;
  }

  /** Gives a request of `peer` to the member with the fewest in hand that admits it: of several, the one idle longest. */
  take(peer: string): M | undefined {
    for (let inHand = this.#lowest; inHand < this.#levels.length; inHand += 1) {
      const level = this.#levels[inHand] as Set<M>;
      if (level.size === 0 && inHand === this.#lowest) this.#lowest += 1;
      for (const member of level)
        if (admits(member.admitted, peer)) {
          this.#give(member);
          return member;
        }
    }
    return undefined;
  }

  /** Gives one more to a member; false when it takes none or does not admit the peer. */
  giveTo(member: M, peer: string): boolean {
    if (member.inHand >= member.concurrency || !admits(member.admitted, peer)) return false;
    this.#give(member);
    return true;
  }

  /** One that it had in hand is done. */
  done(member: M): void {
    const isMember = this.#members.has(member);
    if (isMember) this.#levels[member.inHand]?.delete(member);
    member.inHand -= 1;
    if (isMember) this.#put(member);
  }

  #give(member: M): void {
    this.#levels[member.inHand]?.delete(member);
    member.inHand += 1;
    this.#put(member);
  }

  #put(member: M): void {
    const { inHand } = member;
    if (inHand >= member.concurrency) return;
    while (this.#levels.length <= inHand) this.#levels.push(new Set());
    this.#levels[inHand]?.add(member);
    if (inHand < this.#lowest) this.#lowest = inHand;
  }
}
