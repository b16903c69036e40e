import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEADLINE_SLOT_MS, type Deadline, Deadlines } from '../src/channel/deadlines.ts';

interface Item {
  readonly name: number;
}

/** The same by going through a list. */
class NaiveDeadlines {
  readonly #items = new Map<Item, number>();

  get nextMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#items.values());
  }

  add(item: Item, atMs: number): void {
    this.#items.set(item, Math.ceil(atMs / DEADLINE_SLOT_MS) * DEADLINE_SLOT_MS);
  }

  remove(item: Item): void {
    this.#items.delete(item);
  }

  expire(nowMs: number): [number, Item][] {
    const due = [...this.#items].filter(([, atMs]) => atMs <= nowMs);
    for (const [item] of due) this.#items.delete(item);
    return due.map(([item, atMs]): [number, Item] => [atMs, item]).sort(([a], [b]) => a - b);
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), inMs: fc.double({ min: -50, max: 500, noNaN: true }) }),
  fc.record({ do: fc.constant('remove' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.nat(200) }),
);

describe('deadlines', () => {
  test('are met like those of a list that is searched, whatever is added, removed and met in between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const deadlines = new Deadlines<Item>();
        const model = new NaiveDeadlines();
        const added: { item: Item; deadline: Deadline<Item> }[] = [];
        let nowMs = 1_000;
        for (const next of steps) {
          if (next.do === 'add') {
            const item = { name: added.length };
            added.push({ item, deadline: deadlines.add(item, nowMs + next.inMs) });
            model.add(item, nowMs + next.inMs);
          } else if (next.do === 'remove') {
            const entry = added[next.which % added.length];
            if (entry === undefined) continue;
            deadlines.remove(entry.deadline);
            model.remove(entry.item);
          } else {
            nowMs += next.ms;
            const met: Item[] = [];
            deadlines.expire(nowMs, (item) => met.push(item));
            expect(met).toEqual(model.expire(nowMs).map(([, item]) => item));
          }
          expect(deadlines.nextMs).toBe(model.nextMs);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('may be added and removed by those that are met', () => {
    const deadlines = new Deadlines<Item>();
    const met: number[] = [];
    const last = { name: 3 };
    const deadline = deadlines.add(last, 20);
    deadlines.add({ name: 1 }, 10);
    deadlines.expire(100, ({ name }) => {
      met.push(name);
      if (name === 1) {
        deadlines.remove(deadline);
        deadlines.add({ name: 2 }, 15);
        deadlines.add({ name: 4 }, 101);
      }
    });
    expect(met).toEqual([1, 2]);
    expect(deadlines.nextMs).toBe(110);
  });

  test('come at most a slot late and never early', () => {
    fc.assert(
      fc.property(fc.nat(1e8), (hundredths) => {
        const atMs = hundredths / 100;
        const deadlines = new Deadlines<Item>();
        deadlines.add({ name: 1 }, atMs);
        expect(deadlines.nextMs).toBeGreaterThanOrEqual(atMs);
        expect(deadlines.nextMs).toBeLessThan(atMs + DEADLINE_SLOT_MS);
      }),
    );
  });

  test('that were all removed leave nothing to wake for', () => {
    const deadlines = new Deadlines<Item>();
    const items = Array.from({ length: 1_000 }, (_, name) => ({ name }));
    for (const deadline of items.map((item) => deadlines.add(item, item.name * 7)))
      deadlines.remove(deadline);
    expect(deadlines.nextMs).toBe(Number.POSITIVE_INFINITY);
  });
});
