import { type Admitted, admits, either } from './access.ts';

/** Members with the same number of requests in hand, in the order in which they came to it. */
class Level {
  inHand: number;
  readonly members: Set<Member> = new Set();
  below: Level | undefined;
  above: Level | undefined;

  constructor(inHand: number) {
    this.inHand = inHand;
  }
}

/** One handler of a service. */
export class Member {
  readonly ref: number;
  readonly admitted: Admitted;
  readonly concurrency: number;
  /** Requests given to it that have not been answered. */
  inHand = 0;
  /** Where it stands; nowhere while it takes no more. */
  level: Level | undefined;

  constructor(ref: number, admitted: Admitted, concurrency: number) {
    this.ref = ref;
    this.admitted = admitted;
    this.concurrency = concurrency;
  }
}

/**
 * The handlers of one service, by who is free: those that take one more stand in levels by the number they have in
 * hand, the levels in a list. To give a request takes no search, whatever the number of handlers and requests.
 */
export class Pool<M extends Member> {
  readonly #members = new Set<M>();
  #lowest: Level | undefined;
  #highest: Level | undefined;

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

  /** Whether none of its members admits anybody. */
  get isClosed(): boolean {
    for (const { admitted } of this.#members) if (admitted?.size !== 0) return false;
    return true;
  }

  add(member: M): void {
    this.#members.add(member);
    this.#enter(member);
  }

  /** What it has in hand it keeps. */
  remove(member: M): void {
    if (this.#members.delete(member)) this.#leave(member);
  }

  /** Whether a member admits the peer, busy or not. */
  admits(peer: string): boolean {
    for (const { admitted } of this.#members) if (admits(admitted, peer)) return true;
    return false;
  }

  /** Gives a request of `peer` to the member with the fewest in hand that admits it: of several, the one idle longest. */
  take(peer: string): M | undefined {
    for (let level = this.#lowest; level !== undefined; level = level.above)
      for (const member of level.members)
        if (admits(member.admitted, peer)) {
          this.#count(member, 1);
          return member as M;
        }
    return undefined;
  }

  /** Gives one more to a member; false when it takes none or does not admit the peer. */
  giveTo(member: M, peer: string): boolean {
    if (member.level === undefined || !admits(member.admitted, peer)) return false;
    this.#count(member, 1);
    return true;
  }

  /** One that it had in hand is done. */
  done(member: M): void {
    if (member.level !== undefined) this.#count(member, -1);
    else {
      member.inHand -= 1;
      if (this.#members.has(member)) this.#enter(member);
    }
  }

  #count(member: Member, by: 1 | -1): void {
    member.inHand += by;
    const level = member.level as Level;
    const beyond = by > 0 ? level.above : level.below;
    if (member.inHand >= member.concurrency) this.#leave(member);
    // The usual case, one handler: its level goes with it.
    else if (level.members.size === 1 && beyond?.inHand !== member.inHand) level.inHand = member.inHand;
    else {
      const next = beyond?.inHand === member.inHand ? beyond : this.#insert(member.inHand, level, by > 0);
      this.#leave(member);
      member.level = next;
      next.members.add(member);
    }
  }

  /** Finds its place from above: one that was full until now has much in hand. */
  #enter(member: Member): void {
    const { inHand } = member;
    let level = this.#highest;
    while (level !== undefined && level.inHand > inHand) level = level.below;
    if (level?.inHand !== inHand) level = this.#insert(inHand, level, true);
    member.level = level;
    level.members.add(member);
  }

  #leave(member: Member): void {
    const { level } = member;
    member.level = undefined;
    if (level === undefined || !level.members.delete(member) || level.members.size > 0) return;
    if (level.below === undefined) this.#lowest = level.above;
    else level.below.above = level.above;
    if (level.above === undefined) this.#highest = level.below;
    else level.above.below = level.below;
  }

  /** A new level right above or below another; above none is below all. */
  #insert(inHand: number, beside: Level | undefined, isAbove: boolean): Level {
    const level = new Level(inHand);
    level.below = isAbove ? beside : beside?.below;
    level.above = isAbove ? (beside === undefined ? this.#lowest : beside.above) : beside;
    if (level.below === undefined) this.#lowest = level;
    else level.below.above = level;
    if (level.above === undefined) this.#highest = level;
    else level.above.below = level;
    return level;
  }
}
