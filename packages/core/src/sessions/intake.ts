import { Budget } from '../channel/budget.ts';
import { Budgets } from '../channel/budgets.ts';
import { type Overload, Quota } from '../channel/quota.ts';
import type { Context } from '../server/feature.ts';

/** Handshakes that others begin, a second: each takes some 0.4 ms of four multiplications and a signature. */
const MAX_GREETINGS_PER_S = 200;

/** The same that one neighbour hands over, so that it leaves some to others. */
const MAX_GREETINGS_OF_NEIGHBOUR_PER_S = 100;

/** What of a handshake it takes to find out that it is none: nobody can fill with garbage what handshakes have. */
const GARBAGE_SHARE = 1 / 8;

/** Questions for our key that one neighbour hands over, at once and in a second: nothing is worked out for them. */
const MAX_SEEKS_OF_NEIGHBOUR_PER_S = 100;

/** Answers to ours that one neighbour hands over and that are checked, at once and in a second: each takes 0.2 ms. */
const MAX_ANSWERS_PER_S = 200;

/** Neighbours of which that is known. */
const MAX_COUNTED_NEIGHBOURS = 4_096;

/** How much of handshakes is taken in: to look at one takes a neighbour nothing, and us a part of a millisecond. */
export class Intake {
  readonly quotas: readonly Quota[];
  readonly #context: Context<Overload>;
  readonly #begun: Budget;
  readonly #begunBy = new Budgets(
    MAX_GREETINGS_OF_NEIGHBOUR_PER_S,
    MAX_GREETINGS_OF_NEIGHBOUR_PER_S,
    MAX_COUNTED_NEIGHBOURS,
  );
  readonly #soughtBy = new Budgets(
    MAX_SEEKS_OF_NEIGHBOUR_PER_S,
    MAX_SEEKS_OF_NEIGHBOUR_PER_S,
    MAX_COUNTED_NEIGHBOURS,
  );
  readonly #answeredBy = new Budgets(MAX_ANSWERS_PER_S, MAX_ANSWERS_PER_S, MAX_COUNTED_NEIGHBOURS);
  readonly #begunQuota: Quota;
  readonly #soughtQuota: Quota;
  readonly #answersQuota: Quota;

  constructor(context: Context<Overload>) {
    this.#context = context;
    this.#begun = new Budget(MAX_GREETINGS_PER_S, MAX_GREETINGS_PER_S, context.nowMs);
    this.#begunQuota = new Quota(
      'handshakes of sessions in a second',
      'items',
      () => MAX_GREETINGS_PER_S,
      () => Math.ceil(this.#begun.spentAt(context.nowMs)),
    );
    this.#answersQuota = new Quota(
      'answers to handshakes from the busiest neighbour',
      'items',
      () => MAX_ANSWERS_PER_S,
      () => Math.ceil(this.#answeredBy.mostSpentAt(context.nowMs)),
    );
    this.#soughtQuota = new Quota(
      'questions for our key from the busiest neighbour',
      'items',
      () => MAX_SEEKS_OF_NEIGHBOUR_PER_S,
      () => Math.ceil(this.#soughtBy.mostSpentAt(context.nowMs)),
    );
    this.quotas = [this.#begunQuota, this.#soughtQuota, this.#answersQuota];
  }

  /** Whether what another begins is looked at: the neighbour that hands it over may say that it is from anybody. */
  begun(neighbour: string): boolean {
    return this.#spend(neighbour, GARBAGE_SHARE);
  }

  /** It can be read: whether it is worked on. */
  read(neighbour: string): boolean {
    return this.#spend(neighbour, 1 - GARBAGE_SHARE);
  }

  sought(neighbour: string): boolean {
    if (this.#soughtBy.spend(neighbour, this.#context.nowMs)) return true;
    this.#soughtQuota.refuse(this.#context);
    return false;
  }

  /** Whether an answer is checked: whoever sees what we have begun can make up many. */
  answered(neighbour: string): boolean {
    if (this.#answeredBy.spend(neighbour, this.#context.nowMs)) return true;
    this.#answersQuota.refuse(this.#context);
    return false;
  }

  #spend(neighbour: string, share: number): boolean {
    const { nowMs } = this.#context;
    if (this.#begunBy.spend(neighbour, nowMs, share) && this.#begun.spend(share, nowMs)) return true;
    this.#begunQuota.refuse(this.#context);
    return false;
  }
}
