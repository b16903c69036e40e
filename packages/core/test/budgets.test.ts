import { describe, expect, test } from 'vitest';
import { Budgets } from '../src/channel/budgets.ts';

/** How many a key gets at this time. */
function drain(budgets: Budgets, key: string, nowMs: number): number {
  let count = 0;
  while (budgets.spend(key, nowMs)) count += 1;
  return count;
}

describe('a budget for each key', () => {
  test('is spent at once, comes back in time, and never gets more', () => {
    const budgets = new Budgets(5, 10, 100);
    expect(drain(budgets, 'a', 0)).toBe(5);
    expect(drain(budgets, 'a', 99)).toBe(0);
    expect(drain(budgets, 'a', 100)).toBe(1);
    expect(drain(budgets, 'a', 400)).toBe(3);
    expect(drain(budgets, 'a', 1e9)).toBe(5);
  });

  test('is of that key alone', () => {
    const budgets = new Budgets(5, 10, 100);
    expect(drain(budgets, 'a', 0)).toBe(5);
    expect(drain(budgets, 'b', 0)).toBe(5);
    expect(budgets.mostSpentAt(100)).toBe(4);
    expect([budgets.spentBy('a', 400), budgets.spentBy('c', 400)]).toEqual([1, 0]);
  });

  test('is kept for so many keys: one more gets nothing until another one has all of its own again', () => {
    const budgets = new Budgets(5, 10, 2);
    expect(budgets.spend('a', 0)).toBe(true);
    expect(drain(budgets, 'b', 0)).toBe(5);
    expect(budgets.spend('c', 99)).toBe(false);
    expect(drain(budgets, 'c', 100)).toBe(5);
    expect(budgets.spend('d', 499)).toBe(false);
    expect(drain(budgets, 'b', 500)).toBe(5);
  });
});
