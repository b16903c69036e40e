import { PeerdError } from '@peerd/protocol';
import type { ClientBody, ServerBody, ServerFrame } from '@peerd/protocol/control';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../core/src/server/random.ts';
import { Backoff } from '../src/backoff.ts';
import type { OpenCall } from '../src/calls.ts';
import type { Connection } from '../src/connection.ts';
import type { ConnectionEvent } from '../src/events.ts';
import { type Dial, type Dialled, Session, type SessionOptions } from '../src/session.ts';
import type { Surroundings } from '../src/surroundings.ts';

const randomOf = (seed: number) => seededRandom([seed, 1, 1, 1]);

/** A clock that goes from timer to timer when it is told to. */
class World implements Surroundings {
  readonly random: () => number;
  readonly timers = new Map<() => void, number>();
  #nowMs = 1_000;

  constructor(random: () => number) {
    this.random = random;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, then: () => void): () => void {
    this.timers.set(then, this.#nowMs + delayMs);
    return () => this.timers.delete(then);
  }

  /** Waits until something is due, and goes there. */
  async step(): Promise<void> {
    for (let turns = 0; this.timers.size === 0; turns += 1) {
      if (turns > 1_000) throw new Error('nothing is ever due');
      await new Promise(setImmediate);
    }
    const [then, dueMs] = [...this.timers].reduce((first, each) => (each[1] < first[1] ? each : first));
    this.timers.delete(then);
    this.#nowMs = dueMs;
    then();
  }
}

const none = new PeerdError('daemon-unavailable', 'no daemon answers');

function options(dial: Dial, world: World, more: Partial<SessionOptions> = {}): SessionOptions {
  return { dial, reconnect: {}, waitMs: 0, onConnection: undefined, surroundings: world, ...more };
}

/** A connection on which nothing is asked. */
function idle(): Connection {
  const calls = { inFlight: () => [] };
  return { calls, inbound: calls, isOver: false, cut() {}, close: async () => {} } as unknown as Connection;
}

describe('the pauses between attempts', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  test(`grow from a bound of 50 ms to one of 2 s, and are anything below it (seed ${seed})`, () => {
    const backoff = new Backoff(randomOf(seed));
    const bounds = [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000];
    for (const bound of bounds) {
      const delayMs = backoff.next();
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThan(bound);
    }
    backoff.reset();
    expect(backoff.next()).toBeLessThan(50);
  });

  test(`use all of the room below the bound, half of it on average (seed ${seed})`, () => {
    const backoff = new Backoff(randomOf(seed), { firstDelayMs: 1_000, maxDelayMs: 1_000 });
    const delays = Array.from({ length: 4_000 }, () => backoff.next());
    expect(Math.min(...delays)).toBeLessThan(50);
    expect(Math.max(...delays)).toBeGreaterThan(950);
    const mean = delays.reduce((sum, each) => sum + each) / delays.length;
    expect(mean).toBeGreaterThan(450);
    expect(mean).toBeLessThan(550);
  });

  test(`are kept between attempts to connect, the last of which is at the end of the time (seed ${seed})`, async () => {
    const world = new World(randomOf(seed));
    const triedMs: number[] = [];
    const dial: Dial = async () => {
      triedMs.push(world.nowMs());
      throw none;
    };
    const outcome = Session.start(options(dial, world, { waitMs: 30_000 })).catch((error: unknown) => error);
    const expected = new Backoff(randomOf(seed));
    let nowMs = world.nowMs();
    while (nowMs < 31_000) {
      expect(triedMs.at(-1)).toBe(nowMs);
      nowMs = Math.min(31_000, nowMs + expected.next());
      await world.step();
    }
    expect(triedMs.at(-1)).toBe(31_000);
    expect(await outcome).toBe(none);
    expect(world.timers.size).toBe(0);
  });
});

describe('a session', () => {
  const daemon = { id: 'bob', name: 'bob', version: '1', socket: '/bob', pid: 1, data: '/data' };

  /** A daemon that is there, and whose connections can be lost. */
  function present() {
    const dialled: { connection: Connection; lose(): void }[] = [];
    const dial: Dial = async (gone): Promise<Dialled> => {
      const connection = idle();
      dialled.push({ connection, lose: () => gone(connection, none) });
      return { connection, daemon };
    };
    return { dial, dialled };
  }

  test('begins with short pauses again only after a connection that has stood', async () => {
    // The longest pause that there may be, so that the bound shows.
    const world = new World(() => 0.999);
    const { dial, dialled } = present();
    const session = await Session.start(options(dial, world));
    const pauses: number[] = [];
    const loseAndWait = async () => {
      const lostMs = world.nowMs();
      const count = dialled.length;
      dialled.at(-1)?.lose();
      await world.step();
      pauses.push(Math.round(world.nowMs() - lostMs));
      while (dialled.length === count || session.connection === undefined) await new Promise(setImmediate);
    };
    await loseAndWait();
    await loseAndWait();
    await loseAndWait();
    world.after(2_000, () => {});
    await world.step();
    await loseAndWait();
    expect(pauses).toEqual([50, 100, 200, 50]);
    await session.close();
  });

  test('that is closed while it waits leaves no timer, and settles what waits', async () => {
    const world = new World(randomOf(1));
    const { dial, dialled } = present();
    const session = await Session.start(options(dial, world));
    dialled[0]?.lose();
    const waits = session.attempt({ timeoutMs: 1_000, signal: undefined, again: false, send: async () => 1 });
    const outcome = waits.catch((error: unknown) => error);
    await new Promise(setImmediate);
    expect(world.timers.size).toBe(2);
    await session.close();
    expect(await outcome).toMatchObject({ code: 'stopped' });
    expect(world.timers.size).toBe(0);
    expect((await session.closed).code).toBe('stopped');
  });

  test('that is closed while it connects drops what comes of that', async () => {
    const world = new World(randomOf(1));
    const { dial, dialled } = present();
    const answer = Promise.withResolvers<void>();
    let closes = 0;
    let attempts = 0;
    const slow: Dial = async (gone, signal) => {
      const made = await dial(gone, signal);
      attempts += 1;
      if (attempts === 1) return made;
      await answer.promise;
      const close = async () => {
        closes += 1;
      };
      return { ...made, connection: { ...made.connection, close } as Connection };
    };
    const session = await Session.start(options(slow, world));
    dialled[0]?.lose();
    await world.step();
    await session.close();
    answer.resolve();
    await new Promise(setImmediate);
    expect(closes).toBe(1);
    expect(session.connection).toBeUndefined();
  });

  test('does not send again what has no time left: it ends as it did before', async () => {
    const world = new World(() => 0.5);
    const { dial, dialled } = present();
    const session = await Session.start(options(dial, world));
    const sent: number[] = [];
    const send = async (connection: Connection, leftMs: number) => {
      sent.push(leftMs);
      world.after(1_000, () => {});
      await world.step();
      // The next connection stands before the call learns that this one is over.
      dialled[0]?.lose();
      await world.step();
      while (session.connection === undefined) await new Promise(setImmediate);
      Object.assign(connection, { isOver: true });
      throw new PeerdError('disconnected', 'lost with this in flight');
    };
    const call = session.attempt({ timeoutMs: 1_000, signal: undefined, again: true, send });
    await expect(call).rejects.toMatchObject({ code: 'disconnected', message: 'lost with this in flight' });
    expect(sent).toEqual([1_000]);
    await session.close();
  });

  test('does not send what waited for a connection until no time was left', async () => {
    const world = new World(() => 0.5);
    const { dial, dialled } = present();
    const session = await Session.start(options(dial, world));
    dialled[0]?.lose();
    const pauseMs = 25;
    const sent: number[] = [];
    const send = async (_: Connection, leftMs: number) => void sent.push(leftMs);
    const call = session.attempt({ timeoutMs: pauseMs, signal: undefined, again: false, send });
    // The connection comes at the moment when the time is over, just before the timer of the call.
    await world.step();
    await expect(call).rejects.toMatchObject({
      code: 'daemon-unavailable',
      message: expect.stringContaining('nothing was done'),
    });
    expect(sent).toEqual([]);
    await session.close();
  });

  describe('restores what the daemon was too busy for', () => {
    /** A session with one registration, whose daemon answers its restoration as it is told. */
    async function restoring(answer: (attempt: number) => ServerBody) {
      const world = new World(() => 0.5);
      const events: ConnectionEvent[] = [];
      const made: { lose(): void }[] = [];
      const askedMs: number[] = [];
      const dial: Dial = async (gone): Promise<Dialled> => {
        const isFirst = made.length === 0;
        const connection = { ...idle(), closed: new Promise<PeerdError>(() => {}) } as Connection;
        const open = (_: unknown, call: OpenCall) => {
          if (!isFirst) askedMs.push(world.nowMs());
          const body = isFirst ? granted : answer(askedMs.length);
          setImmediate(() => call.frame(body as ServerFrame['body']));
          return 1;
        };
        Object.assign(connection, { calls: { inFlight: () => [], open, send() {}, cancel() {} } });
        made.push({ lose: () => gone(connection, none) });
        return { connection, daemon };
      };
      const onConnection = (event: ConnectionEvent) => void events.push(event);
      const session = await Session.start(options(dial, world, { onConnection }));
      let ended: PeerdError | undefined;
      await session.hold({
        about: { kind: 'registration', service: 'wanted' },
        body: () => ({ case: 'handle', value: {} }) as ClientBody,
        ended: (error) => {
          ended = error;
        },
      });
      made[0]?.lose();
      while (session.connection === undefined) {
        if (world.timers.size > 0) await world.step();
        await new Promise(setImmediate);
      }
      const restored = events.find(({ type }) => type === 'restored');
      return { world, session, restored, askedMs, ended: () => ended };
    }

    const granted: ServerBody = { case: 'done', value: {} };
    const fault = (code: string): ServerBody => ({ case: 'fault', value: { code, message: code } });

    test.each(['busy', 'stopped'])('as soon as it no longer says %s, with pauses that grow', async (code) => {
      const { session, restored, askedMs, ended, world } = await restoring((attempt) =>
        attempt < 4 ? fault(code) : granted,
      );
      expect(restored).toMatchObject({ notRestored: [] });
      expect(ended()).toBeUndefined();
      expect(askedMs.slice(1).map((ms, i) => ms - (askedMs[i] ?? 0))).toEqual([25, 50, 100]);
      await session.close();
      expect(world.timers.size).toBe(0);
    });

    test('or says that it was not restored, when that goes on for 5 s', async () => {
      const { session, restored, askedMs, ended } = await restoring(() => fault('busy'));
      expect(restored).toMatchObject({ notRestored: [{ service: 'wanted', error: { code: 'busy' } }] });
      expect(ended()?.code).toBe('busy');
      expect((askedMs.at(-1) ?? 0) - (askedMs[0] ?? 0)).toBe(5_000);
      await session.close();
    });

    test('but asks once for what it is refused for good', async () => {
      const { session, restored, askedMs } = await restoring(() => fault('forbidden'));
      expect(restored).toMatchObject({ notRestored: [{ error: { code: 'forbidden' } }] });
      expect(askedMs).toHaveLength(1);
      await session.close();
    });
  });

  test('tries no longer than it was told, then ends with what the last attempt met', async () => {
    const world = new World(() => 0.5);
    const { dial, dialled } = present();
    let isThere = true;
    const leaving: Dial = (gone, signal) => (isThere ? dial(gone, signal) : Promise.reject(none));
    const session = await Session.start(options(leaving, world, { reconnect: { giveUpMs: 5_000 } }));
    isThere = false;
    const lostMs = world.nowMs();
    dialled[0]?.lose();
    let closed: PeerdError | undefined;
    void session.closed.then((reason) => {
      closed = reason;
    });
    while (closed === undefined) {
      if (world.timers.size > 0) await world.step();
      await new Promise(setImmediate);
    }
    expect(closed).toBe(none);
    expect(world.nowMs() - lostMs).toBe(5_000);
  });
});
