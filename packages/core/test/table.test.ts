import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Table } from '../src/channel/table.ts';

describe('a table', () => {
  test('holds what a map would', () => {
    const step = fc.record({ key: fc.integer({ min: -70, max: 70 }), isSet: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new Table<{ key: number }>();
        const map = new Map<number, { key: number }>();
        for (const { key, isSet } of steps) {
          const value = { key };
          if (isSet) {
            table.set(key, value);
            map.set(key, value);
          } else expect(table.delete(key)).toBe(map.delete(key));
          expect(table.get(key)).toBe(map.get(key));
          expect(table.has(key)).toBe(map.has(key));
          expect(table.size).toBe(map.size);
        }
        expect(table.values()).toEqual([...map.values()]);
      }),
    );
  });

  test('may be changed while it is gone through', () => {
    const table = new Table<{ key: number }>();
    for (const key of [1, 2, 3]) table.set(key, { key });
    for (const { key } of table.values()) table.delete(key);
    expect(table.size).toBe(0);
  });
});
