import { describe, expect, test } from 'vitest';
import { Inbox } from '../src/channel/inbox.ts';
import { Responder } from '../src/channel/responder.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Commands are their own sizes. */
const inbox = (maxCommands = 100, maxCommandBytes = 1_000) =>
  new Inbox<string, number>({ maxCommands, maxCommandBytes }, (bytes) => bytes);

describe('the inbox', () => {
  test('takes as many commands as its bound and not one more, until one has been taken out', () => {
    const bounded = inbox(3);
    expect([1, 1, 1, 1].map((command) => bounded.offer(command))).toEqual([true, true, true, false]);
    expect(bounded.waiting.commands).toBe(3);
    bounded.takeCommand();
    expect([bounded.offer(1), bounded.offer(1)]).toEqual([true, false]);
  });

  test('takes as many bytes as its bound and not one more, until some have been taken out', () => {
    const bounded = inbox(100, 1_000);
    expect([bounded.offer(400), bounded.offer(600), bounded.offer(1), bounded.offer(0)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    bounded.takeCommand();
    expect([bounded.offer(401), bounded.offer(400)]).toEqual([false, true]);
  });

  test('takes a single command over the bound of bytes, or it could never be done', () => {
    const bounded = inbox(100, 1_000);
    expect([bounded.offer(5_000), bounded.offer(1)]).toEqual([true, false]);
    bounded.takeCommand();
    expect(bounded.offer(1)).toBe(true);
  });

  test('never refuses an event, however full it is', () => {
    const bounded = inbox(1);
    bounded.offer(1);
    for (let i = 0; i < 1_000; i += 1) bounded.post(`${i}`);
    expect(bounded.waiting).toEqual({ events: 1_000, commands: 1 });
  });

  test('takes no command once it is closed, and still gives out those that wait', () => {
    const closed = inbox();
    closed.offer(7);
    closed.close();
    expect(closed.offer(8)).toBe(false);
    expect([closed.takeCommand(), closed.takeCommand()]).toEqual([7, undefined]);
    closed.offer(9);
    expect(closed.waiting.commands).toBe(0);
  });

  test('has one tick due, however often it was told', () => {
    const ticking = inbox();
    ticking.tick();
    ticking.tick();
    expect([ticking.takeTick(), ticking.takeTick()]).toEqual([true, false]);
  });

  test('wakes its reader once a turn of the event loop, however much comes in', async () => {
    const busy = inbox();
    let wakes = 0;
    let isRunning = true;
    const reading = (async () => {
      while (isRunning) {
        await busy.ready();
        wakes += 1;
        while (busy.takeCommand() !== undefined);
      }
    })();
    for (let turns = 0; turns < 5; turns += 1) {
      for (let i = 0; i < 20; i += 1) {
        busy.offer(1);
        // A reader woken from microtasks would run here.
        await Promise.resolve();
      }
      expect(busy.waiting.commands).toBe(20);
      const before = wakes;
      await turn();
      await turn();
      expect(wakes - before).toBe(1);
    }
    isRunning = false;
    busy.post('end');
    await reading;
  });

  test.each<[string, (sleeping: Inbox<string, number>) => unknown]>([
    ['a command', (sleeping) => sleeping.offer(1)],
    ['an event', (sleeping) => sleeping.post('event')],
    ['a tick', (sleeping) => sleeping.tick()],
    ['its end', (sleeping) => sleeping.close()],
  ])('wakes a reader that waits for %s, and one that comes after it', async (_, arrive) => {
    const before = inbox();
    const waiting = before.ready();
    arrive(before);
    await waiting;

    const after = inbox();
    arrive(after);
    // The wake that this caused finds nobody.
    await turn();
    await after.ready();
  });

  test('does not wake a reader for nothing', async () => {
    const quiet = inbox();
    let isAwake = false;
    void quiet.ready().then(() => {
      isAwake = true;
    });
    await turn();
    await turn();
    expect(isAwake).toBe(false);
  });

  test('wakes the reader for what it left behind', async () => {
    const left = inbox();
    left.offer(1);
    left.offer(2);
    await left.ready();
    expect(left.takeCommand()).toBe(1);
    await left.ready();
    expect(left.takeCommand()).toBe(2);
  });
});

describe('a responder', () => {
  test('is settled once: what comes later changes nothing', async () => {
    const responder = new Responder<string>();
    responder.resolve('first');
    responder.resolve('second');
    responder.reject(new Error('third'));
    expect(await responder.promise).toBe('first');
    const failed = new Responder<string>();
    failed.reject(new Error('first'));
    failed.resolve('second');
    await expect(failed.promise).rejects.toThrow('first');
  });
});
