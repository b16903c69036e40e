import { describe, expect, test } from 'vitest';
import { Meter } from '../src/server/meter.ts';

/** An inbox as the meter sees it. */
const queue = () => ({ waiting: { events: 0, commands: 0 }, commandBytes: 0, scheduledMs: 0 });

/** One turn that takes so many commands. */
function turn(meter: Meter, inbox: ReturnType<typeof queue>, atMs: number, tookMs: number, commands: number) {
  meter.begin(atMs, true);
  inbox.waiting.commands -= commands;
  meter.end(atMs, atMs + tookMs, commands, commands);
}

describe('the meter of the loop', () => {
  test('counts turns and what they took', () => {
    const inbox = queue();
    const meter = new Meter(inbox);
    inbox.waiting = { events: 3, commands: 7 };
    turn(meter, inbox, 1, 1, 7);
    turn(meter, inbox, 2, 1, 0);
    expect(meter.info(3)).toMatchObject({ turns: 2, inputs: 7, events: 3, commands: 0 });
  });

  test('knows how long a command has waited, also one that turns could not take', () => {
    const inbox = queue();
    const meter = new Meter(inbox);
    inbox.scheduledMs = 90;
    inbox.waiting.commands = 5_000;
    turn(meter, inbox, 100, 10, 2_000);
    expect(meter.info(110).oldestCommandMs).toBe(10);
    // What is left came by the turn before.
    inbox.scheduledMs = 110;
    turn(meter, inbox, 115, 10, 2_000);
    expect(meter.info(125).oldestCommandMs).toBe(15);
    inbox.waiting.commands += 500;
    turn(meter, inbox, 130, 10, 1_000);
    expect(meter.info(140).oldestCommandMs).toBe(30);
    // Only the new ones are left: they had come by the turn that began at 130.
    turn(meter, inbox, 150, 10, 500);
    expect(meter.info(160).oldestCommandMs).toBe(20);
    meter.begin(170, true);
    expect(meter.info(170).oldestCommandMs).toBe(0);
  });

  test('keeps the worst for 10 to 20 s', () => {
    const inbox = queue();
    const meter = new Meter(inbox);
    inbox.scheduledMs = 9_950;
    turn(meter, inbox, 10_000, 70, 0);
    for (let atMs = 10_100; atMs <= 40_000; atMs += 100) {
      inbox.scheduledMs = atMs - 1;
      turn(meter, inbox, atMs, 2, 0);
      const { longestTurnMs, longestWaitMs } = meter.info(atMs + 2);
      if (atMs < 19_000) expect([longestTurnMs, longestWaitMs]).toEqual([70, 50]);
      if (atMs > 31_000) expect([longestTurnMs, longestWaitMs]).toEqual([2, 1]);
    }
  });

  test('forgets the worst when nothing was looked at for long', () => {
    const inbox = queue();
    const meter = new Meter(inbox);
    turn(meter, inbox, 100, 70, 0);
    expect(meter.info(100_000).longestTurnMs).toBe(0);
  });
});
