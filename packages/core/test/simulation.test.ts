import { describe, expect, test } from 'vitest';
import { type Actor, Simulation, type Weather, type World } from '../src/simulation/simulation.ts';

/** Keeps what it is told, and ticks every 100 ms. */
class Witness implements Actor<number> {
  readonly seen: string[] = [];
  readonly got: number[] = [];
  ticks = 0;
  nextTickMs: number;
  readonly world: World<number>;

  constructor(world: World<number>) {
    this.world = world;
    this.nextTickMs = world.nowMs + 100;
  }

  linked(peer: string): void {
    this.seen.push(`+${peer}`);
  }

  unlinked(peer: string): void {
    this.seen.push(`-${peer}`);
  }

  receive(_from: string, message: number): void {
    this.got.push(message);
  }

  tick(): void {
    this.ticks += 1;
    this.nextTickMs += 100;
  }
}

type World3 = Simulation<number, Witness>;

function of(ids: readonly string[], weather: Partial<Weather> = {}, seed = 1): World3 {
  const simulation: World3 = new Simulation(seed, weather);
  for (const id of ids) simulation.add(id, (world) => new Witness(world));
  return simulation;
}

function pair(weather: Partial<Weather> = {}, seed = 1): World3 {
  const simulation = of(['a', 'b'], weather, seed);
  simulation.link('a', 'b');
  simulation.run(100);
  return simulation;
}

const sendMany = (simulation: World3, count: number) => {
  for (let i = 0; i < count; i += 1) simulation.actor('a').world.send('b', i);
  simulation.run(1_000);
  return simulation.actor('b').got;
};
const inOrder = Array.from({ length: 500 }, (_, i) => i);

describe('a link', () => {
  test('brings all messages in their order', () => {
    expect(sendMany(pair(), 500)).toEqual(inOrder);
  });

  test('that reorders brings all in another', () => {
    const got = sendMany(pair({ reordering: true }), 500);
    expect(got).not.toEqual(inOrder);
    expect(got.toSorted((a, b) => a - b)).toEqual(inOrder);
  });

  test('that loses and repeats does so to about its share', () => {
    const simulation = pair({ loss: 0.2, duplication: 0.1 });
    const got = sendMany(simulation, 500);
    const distinct = new Set(got).size;
    expect(distinct).toBeGreaterThan(350);
    expect(distinct).toBeLessThan(450);
    expect(got.length - distinct).toBeGreaterThan(15);
    expect(simulation.counts).toEqual({ sent: 500, lost: 500 - distinct });
  });

  test('that is cut loses what is under way, and both ends notice', () => {
    const simulation = pair();
    simulation.actor('a').world.send('b', 1);
    simulation.cut('a', 'b');
    simulation.run(200);
    expect(simulation.actor('b').got).toEqual([]);
    expect([simulation.actor('a').seen, simulation.actor('b').seen]).toEqual([
      ['+b', '-b'],
      ['+a', '-a'],
    ]);
  });

  test('that is cut and comes back before anybody noticed is told as gone and back', () => {
    const simulation = pair({ noticeMs: [50, 100] });
    simulation.cut('a', 'b');
    simulation.link('a', 'b');
    simulation.run(200);
    expect(simulation.actor('a').seen).toEqual(['+b', '-b', '+b']);
  });

  test('that is silenced one way goes on the other', () => {
    const simulation = pair();
    simulation.silence('a', 'b');
    simulation.actor('a').world.send('b', 1);
    simulation.actor('b').world.send('a', 2);
    simulation.run(100);
    expect([simulation.actor('a').got, simulation.actor('b').got]).toEqual([[2], []]);
  });
});

describe('a partition', () => {
  test('cuts what is between its groups, and healing brings that back', () => {
    const simulation = of(['a', 'b', 'c']);
    simulation.link('a', 'b');
    simulation.link('b', 'c');
    simulation.run(100);
    simulation.partition(['a', 'b'], ['c']);
    simulation.run(200);
    expect(simulation.links).toEqual([['a', 'b']]);
    simulation.heal();
    simulation.run(100);
    expect(simulation.isLinked('b', 'c')).toBe(true);
    expect(simulation.actor('c').seen).toEqual(['+b', '-b', '+b']);
  });
});

describe('a crash', () => {
  test('loses the state; its neighbours notice, and it starts anew without links', () => {
    const simulation = pair();
    simulation.crash('b');
    simulation.run(200);
    expect(simulation.actor('a').seen).toEqual(['+b', '-b']);
    expect(() => simulation.actor('b')).toThrow('b is down');
    simulation.restart('b');
    expect(simulation.actor('b').seen).toEqual([]);
    expect(simulation.links).toEqual([]);
  });
});

describe('a run', () => {
  test('ticks when it is asked to, at that time', () => {
    const simulation = of(['a']);
    simulation.run(1_050);
    expect(simulation.actor('a').ticks).toBe(10);
    expect(simulation.nowMs).toBe(1_050);
  });

  test('ends where what was waited for has come about', () => {
    const simulation = of(['a']);
    expect(simulation.run(10_000, () => simulation.actor('a').ticks === 3)).toBe(true);
    expect(simulation.nowMs).toBeCloseTo(300, 2);
    expect(simulation.run(10, () => simulation.actor('a').ticks === 9)).toBe(false);
  });

  test('is the same for the same seed', () => {
    const run = (seed: number) => {
      const lines: string[] = [];
      const simulation = pair({ loss: 0.3, duplication: 0.2, reordering: true }, seed);
      simulation.onEvent = (event) => lines.push(event);
      sendMany(simulation, 50);
      return { lines, digest: simulation.digest };
    };
    expect(run(5)).toEqual(run(5));
    expect(run(5).digest).not.toBe(run(6).digest);
  });
});
