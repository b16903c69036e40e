import { describe, expect, test } from 'vitest';
import { Meter } from '../src/server/meter.ts';

/** An inbox as the meter sees it. */
const queue = () => ({ waiting: { events: 0, commands: 0 }, commandBytes: 0, scheduledMs: 0 });

/** A meter on a clock of its own. */
function measured() {
  let nowMs = 0;
  const inbox = queue();
  const meter = new Meter(inbox, { now: () => nowMs });
  return {
    inbox,
    meter,
    /** One turn that takes so many commands, and events to make `inputs` of it. */
    turn(atMs: number, tookMs: number, commands: number, inputs = Math.max(commands, 8)) {
      meter.begin(atMs, true);
      inbox.waiting.commands -= commands;
      nowMs = atMs + tookMs;
      meter.end(atMs, inputs, commands);
    },
    infoAt(ms: number) {
      nowMs = ms;
      return meter.info();
    },
  };
}

describe('the meter of the loop', () => {
  test('counts turns and what they took', () => {
    const { inbox, turn, infoAt } = measured();
    inbox.waiting = { events: 3, commands: 7 };
    turn(1, 1, 7, 7);
    turn(2, 1, 0, 0);
    expect(infoAt(3)).toMatchObject({ turns: 2, inputs: 7, events: 3, commands: 0 });
  });

  test('knows how long a command has waited, also one that turns could not take', () => {
    const { inbox, meter, turn, infoAt } = measured();
    inbox.scheduledMs = 90;
    inbox.waiting.commands = 5_000;
    turn(100, 10, 2_000);
    expect(infoAt(110).oldestCommandMs).toBe(10);
    // What is left came by the turn before.
    inbox.scheduledMs = 110;
    turn(115, 10, 2_000);
    expect(infoAt(125).oldestCommandMs).toBe(15);
    inbox.waiting.commands += 500;
    turn(130, 10, 1_000);
    expect(infoAt(140).oldestCommandMs).toBe(30);
    // Only the new ones are left: they had come by the turn that began at 130.
    turn(150, 10, 500);
    expect(infoAt(160).oldestCommandMs).toBe(20);
    meter.begin(170, true);
    expect(infoAt(170).oldestCommandMs).toBe(0);
  });

  test('keeps the worst for 10 to 20 s', () => {
    const { inbox, turn, infoAt } = measured();
    inbox.scheduledMs = 9_950;
    turn(10_000, 70, 0);
    for (let atMs = 10_100; atMs <= 40_000; atMs += 100) {
      inbox.scheduledMs = atMs - 1;
      turn(atMs, 2, 0);
      const { longestTurnMs, longestWaitMs } = infoAt(atMs + 2);
      if (atMs < 19_000) expect([longestTurnMs, longestWaitMs]).toEqual([70, 50]);
      if (atMs > 31_000) expect([longestTurnMs, longestWaitMs]).toEqual([2, 1]);
    }
  });

  test('forgets the worst when nothing was looked at for long', () => {
    const { turn, infoAt } = measured();
    turn(100, 70, 0);
    expect(infoAt(100_000).longestTurnMs).toBe(0);
  });

  test('times a turn of few inputs now and then', () => {
    const { turn, infoAt } = measured();
    let timed = 0;
    for (let index = 1; index <= 160; index += 1) {
      turn(index * 1_000, index, 0, 1);
      if (infoAt(index * 1_000 + 500).longestTurnMs === index) timed += 1;
    }
    expect(timed).toBe(10);
  });
});
