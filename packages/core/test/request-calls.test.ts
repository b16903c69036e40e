import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../src/server/random.ts';
import { type SimNode, SimPair } from './support/request-pair.ts';

type Plan = {
  readonly size: number;
  /** What the other side does: one answer, a stream of them, a refusal, or nothing, so that time runs out. */
  readonly does: 'answer' | 'stream' | 'refuse' | 'never';
  readonly answers: readonly number[];
  /** Whether the caller lets go at some point, if it is not too late by then. */
  readonly cancels: boolean;
};

const size = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.nat(300) },
  { weight: 3, arbitrary: fc.nat(70_000) },
  // Several windows.
  { weight: 1, arbitrary: fc.integer({ min: 200_000, max: 900_000 }) },
);
const plan: fc.Arbitrary<Plan> = fc.record({
  size,
  does: fc.constantFrom('answer', 'answer', 'stream', 'refuse', 'never'),
  answers: fc.array(size, { maxLength: 6 }),
  cancels: fc.boolean(),
});

/** Bytes that tell one message from another and one position in it from another. */
function bytesOf(length: number, tag: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8) + tag) & 0xff;
  return bytes;
}

const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0;

/** One node's calls to the other, made at random moments. */
class Caller {
  readonly refs = new Map<number, number>();
  readonly cancelled = new Set<number>();
  readonly #taken = new Map<number, number>();
  readonly plans: readonly Plan[];
  readonly #node: SimNode;
  readonly #random: () => number;
  #next = 0;

  constructor(node: SimNode, plans: readonly Plan[], random: () => number) {
    this.#node = node;
    this.plans = plans;
    this.#random = random;
  }

  get isDone(): boolean {
    return this.#next === this.plans.length;
  }

  /** Does something or other: makes a call, takes an answer from a stream, lets go of a call. */
  act(): void {
    const node = this.#node;
    const made = this.plans[this.#next];
    if (made !== undefined && this.#random() < 0.3) {
      const payload = bytesOf(made.size, this.#next);
      const timeoutMs = made.does === 'never' ? 1_000 : 600_000;
      const ref = node.ask({ payload, service: `${this.#next}`, stream: made.does === 'stream', timeoutMs });
      this.refs.set(this.#next, ref);
      this.#next += 1;
    }
    for (const [index, ref] of this.refs) {
      if (this.#random() < 0.5) this.takeOne(ref);
      if (this.plans[index]?.cancels && !this.cancelled.has(index) && this.#random() < 0.02) {
        this.cancelled.add(index);
        node.inbox.push({ type: 'request/cancel', ref });
      }
    }
  }

  takeOne(ref: number): boolean {
    const taken = this.#taken.get(ref) ?? 0;
    const next = this.#node.messages.get(ref)?.[taken];
    if (next === undefined) return false;
    this.#taken.set(ref, taken + 1);
    this.#node.inbox.push({ type: 'request/consumed', ref, bytes: next.length });
    return true;
  }
}

/** Serves the calls of `plans`: each at once or some turns later, streams one answer at a time. */
class Answerer {
  readonly #left: (() => void)[] = [];
  readonly #random: () => number;

  constructor(node: SimNode, plans: readonly Plan[], random: () => number) {
    this.#random = random;
    node.onRequest = ({ key, service, payload }) => {
      const index = Number(service);
      const { size, does, answers } = plans[index] as Plan;
      expect(same(payload, bytesOf(size, index)), `the request of call ${index}`).toBe(true);
      if (does === 'answer')
        this.#later(() =>
          node.inbox.push({
            type: 'request/answer',
            key,
            payload: bytesOf(answers[0] ?? 0, index),
            end: true,
          }),
        );
      if (does === 'refuse')
        this.#later(() =>
          node.inbox.push({ type: 'request/refuse', key, code: 'refused', reason: `no to ${index}` }),
        );
      if (does === 'stream')
        this.#later(() =>
          this.#stream(
            node,
            key,
            answers.map((length, at) => bytesOf(length, index + at)),
          ),
        );
    };
  }

  act(): void {
    for (const work of this.#left.splice(0)) this.#later(work);
  }

  #later(work: () => void): void {
    if (this.#random() < 0.6) work();
    else this.#left.push(work);
  }

  #stream(node: SimNode, key: number, answers: readonly Uint8Array[]): void {
    const [first, ...rest] = answers;
    if (first === undefined) {
      node.inbox.push({ type: 'request/answer-end', key });
      return;
    }
    // The next one when this one has gone out, like the dispatcher does.
    const accepted = node.responder<void>(-key * 1_000 - rest.length);
    node.inbox.push({ type: 'request/answer', key, payload: first, end: false, accepted });
    const settled = () => node.outcomes.get(-key * 1_000 - rest.length)?.length === 1;
    const wait = () => (settled() ? this.#stream(node, key, rest) : void this.#left.push(wait));
    this.#left.push(wait);
  }
}

function verdict(node: SimNode, caller: Caller): void {
  for (const [index, ref] of caller.refs) {
    const { does, answers } = caller.plans[index] as Plan;
    const outcome = node.outcome(ref);
    const path = node.path(ref);
    if ('value' in outcome) expect(path).toEqual([{ peer: 'peer' }]);
    else if (!node.messages.has(ref)) expect(path).toBe(outcome.error);
    const isStopped = 'error' in outcome && outcome.error.code === 'stopped';
    if (caller.cancelled.has(index) && isStopped) continue;
    const what = `call ${index} of ${node.name} (${does})`;
    if (does === 'never') expect(outcome, what).toMatchObject({ error: { code: 'timeout' } });
    if (does === 'refuse')
      expect(outcome, what).toMatchObject({ error: { code: 'refused', message: `no to ${index}` } });
    if (does === 'answer') {
      expect('value' in outcome, what).toBe(true);
      expect('value' in outcome && same(outcome.value, bytesOf(answers[0] ?? 0, index)), what).toBe(true);
    }
    if (does === 'stream') {
      const messages = node.messages.get(ref) ?? [];
      expect('value' in outcome, what).toBe(true);
      expect(messages.map((message) => message.length)).toEqual(answers);
      answers.forEach((length, at) => {
        expect(same(messages[at], bytesOf(length, index + at)), `${what}, answer ${at}`).toBe(true);
      });
    }
  }
}

describe('calls between two peers', () => {
  test('all end once and as they should, in any order of turns and any split of the bytes', () => {
    const plans = fc.array(plan, { maxLength: 25 });
    fc.assert(
      fc.property(plans, plans, fc.nat(2 ** 31 - 1), (plansOfA, plansOfB, seed) => {
        const pair = new SimPair({ seed });
        const random = seededRandom([seed, 1, 1, 1]);
        const callers = [new Caller(pair.a, plansOfA, random), new Caller(pair.b, plansOfB, random)] as const;
        const answerers = [new Answerer(pair.b, plansOfA, random), new Answerer(pair.a, plansOfB, random)];
        const round = () => {
          for (const each of [...callers, ...answerers]) each.act();
          for (let moves = 0; moves < 5; moves += 1) pair.advance();
        };
        while (!callers.every((caller) => caller.isDone)) round();
        const live = () => [pair.a, pair.b].some((node) => node.snapshot.outbound.calls.length > 0);
        for (let rounds = 0; rounds < 3_000 && live(); rounds += 1) {
          round();
          if (rounds % 100 === 99) pair.pass(1_000);
        }
        // Time for what the handlers never answered to be given up on the answering side too.
        pair.pass(5_000);
        verdict(pair.a, callers[0]);
        verdict(pair.b, callers[1]);
        for (const node of [pair.a, pair.b]) {
          expect(node.closed).toEqual([]);
          expect(node.snapshot).toMatchObject({
            heldBytes: 0,
            outbound: { calls: [] },
            inbound: { calls: [], fallback: [], callers: [] },
          });
          expect(node.state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
        }
      }),
      { numRuns: 120 },
    );
  }, 60_000);
});
