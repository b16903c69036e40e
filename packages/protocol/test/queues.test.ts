import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ring } from '../src/queues/ring.ts';
import { ShortestFirst } from '../src/queues/shortest-first.ts';

const KiB = 1024;

describe('a ring', () => {
  test('gives back what was put in, first in first out, like an array', () => {
    const step = fc.oneof(fc.nat(), fc.constantFrom('shift' as const, 'unshift' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const ring = new Ring<number>(2);
        const array: number[] = [];
        for (const step of steps) {
          if (step === 'shift') expect(ring.shift()).toBe(array.shift());
          else if (step === 'unshift') {
            ring.unshift(-array.length);
            array.unshift(-array.length);
          } else {
            ring.push(step);
            array.push(step);
          }
          expect(ring.size).toBe(array.length);
          expect(ring.peek()).toBe(array[0]);
        }
      }),
    );
  });
});

interface Work {
  readonly name: string;
  left: number;
}

/** Sends all in chunks of 16 KiB; returns the names in the order in which they end, and all turns. */
function drain(queue: ShortestFirst<Work>): { ended: string[]; turns: string[] } {
  const ended: string[] = [];
  const turns: string[] = [];
  for (let work = queue.shift(); work !== undefined; work = queue.shift()) {
    turns.push(work.name);
    work.left -= 16 * KiB;
    if (work.left > 0) queue.putBack(work, work.left);
    else ended.push(work.name);
  }
  return { ended, turns };
}

function queueOf(...works: readonly [name: string, bytes: number][]): ShortestFirst<Work> {
  const queue = new ShortestFirst<Work>();
  for (const [name, left] of works) queue.push({ name, left }, left);
  return queue;
}

describe('a queue with the shortest first', () => {
  test('ends equally long ones one after the other, in their order', () => {
    const MiB = 1024 * KiB;
    const { ended, turns } = drain(queueOf(['a', MiB], ['b', MiB], ['c', MiB]));
    expect(ended).toEqual(['a', 'b', 'c']);
    expect(turns.slice(0, 64).filter((name) => name === 'a').length).toBeGreaterThan(48);
  });

  test('ends a short one before a long one that has begun', () => {
    const queue = queueOf(['long', 16_384 * KiB]);
    const work = queue.shift() as Work;
    queue.putBack(work, work.left);
    queue.push({ name: 'short', left: 100 * KiB }, 100 * KiB);
    expect(
      drain(queue)
        .turns.slice(0, 10)
        .filter((name) => name === 'short'),
    ).toHaveLength(7);
  });

  test('lets a long one go on however many short ones come', () => {
    const queue = queueOf(['longest', 16_384 * KiB], ['middle', 600 * KiB], ['short', 32 * KiB]);
    const turns = { longest: 0, middle: 0, short: 0, shortest: 0 };
    for (let i = 0; i < 400; i += 1) {
      queue.push({ name: 'shortest', left: 1 }, 1);
      const work = queue.shift() as Work;
      turns[work.name as keyof typeof turns] += 1;
      if (work.name !== 'shortest') queue.putBack(work, work.left);
    }
    for (const count of [turns.longest, turns.middle, turns.short]) expect(count).toBeGreaterThan(20);
    expect(turns.shortest).toBeGreaterThan(300);
  });

  test.each([
    ['one more byte than a power of four', 1024 * KiB + 1, 4],
    ['one more byte than a power of four', 1024 * KiB + 1, 16],
    ['the same above that', 4096 * KiB + 1, 4],
    ['the same above that', 4096 * KiB + 1, 16],
    ['just a power of four', 1024 * KiB, 16],
  ])('ends each of an endless backlog of %s (%i bytes, %i at a time) soon', (_, bytes, backlog) => {
    const queue = new ShortestFirst<Work & { since: number }>();
    const chunks = Math.ceil(bytes / (16 * KiB));
    let oldest = 0;
    const add = (turn: number) => queue.push({ name: '', left: bytes, since: turn }, bytes);
    for (let i = 0; i < backlog; i += 1) add(0);
    for (let turn = 0; turn < 100 * backlog * chunks; turn += 1) {
      const work = queue.shift() as Work & { since: number };
      work.left -= 16 * KiB;
      if (work.left > 0) queue.putBack(work, work.left);
      else {
        oldest = Math.max(oldest, turn - work.since);
        add(turn);
      }
    }
    // All that is there is sent in so many turns; that some go ahead makes others wait as long again.
    expect(oldest).toBeLessThan(2 * backlog * chunks);
  });

  test('gives back all that was put in, but for what is over', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 100_000_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 5 }), (bytes, every) => {
        const queue = new ShortestFirst<number>();
        for (const [at, left] of bytes.entries())
          if (at % 2 === 0) queue.putFirst(at, left);
          else queue.push(at, left);
        queue.sweep((at) => at % every === 0);
        const kept = [...bytes.keys()].filter((at) => at % every !== 0);
        expect(queue.size).toBe(kept.length);
        const got: number[] = [];
        for (let at = queue.shift(); at !== undefined; at = queue.shift()) got.push(at);
        expect(got.sort((a, b) => a - b)).toEqual(kept);
      }),
    );
  });
});
