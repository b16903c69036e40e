import type { BroadcastResult, NodeStatus, PeerdError } from '@peerd/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Inbox } from '../src/channel/inbox.ts';
import { Responder } from '../src/channel/responder.ts';
import { NodeCore } from '../src/server/core.ts';
import { type Command, type Event, type Input, type Output, payloadBytes } from '../src/server/messages.ts';
import { Recording, replay } from '../src/server/recording.ts';
import { rejectQueued, ServerLoop } from '../src/server/server.ts';
import { coreConfig } from './support/core-config.ts';

const MiB = 1024 * 1024;

/** A loop with a real state and nothing behind it. */
class Rig {
  readonly inbox = new Inbox<Event, Command>(
    { maxCommands: 100_000, maxCommandBytes: 256 * MiB },
    payloadBytes,
  );
  /** What the wall clock is ahead of the other. */
  dateOffsetMs = 0;
  readonly clock = {
    nowMs: 0,
    now: () => this.clock.nowMs,
    date: () => this.clock.nowMs + this.dateOffsetMs,
  };
  readonly turns: { nowMs: number; inputs: Input['type'][] }[] = [];
  /** What the state was told of the wall clock. */
  readonly dates: number[] = [];
  readonly outputs: Output[] = [];
  /** Called with each output, within the turn. */
  onOutput: (output: Output) => void = () => {};
  readonly done: Promise<void>;
  readonly #outcomes: Promise<string>[] = [];

  constructor(isWhole = false) {
    const core = new NodeCore(coreConfig(), 0, (output) => {
      this.outputs.push(output);
      if (output.type === 'settle') output.responder.resolve(output.value);
      if (output.type === 'fail') output.responder.reject(output.error);
      this.onOutput(output);
    });
    const recorder = {
      begin: () => {},
      turn: (nowMs: number) => this.turns.push({ nowMs, inputs: [] }),
      input: (input: Input) => {
        if (input.type === 'loop/date') this.dates.push(input.offsetMs);
        else this.turns.at(-1)?.inputs.push(input.type);
      },
      end: () => {},
    };
    this.done = new ServerLoop(this.inbox, core, this.clock, recorder, isWhole).run();
  }

  responder<T>(): Responder<T> {
    const responder = new Responder<T>();
    this.#outcomes.push(
      responder.promise.then(
        () => 'ok',
        (error: PeerdError) => error.code,
      ),
    );
    return responder;
  }

  noops(count: number): void {
    for (let i = 0; i < count; i += 1) this.inbox.offer({ type: 'noop', responder: this.responder() });
  }

  /** How often each outcome came. */
  async outcomes(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const outcome of await Promise.all(this.#outcomes)) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
  }

  /** Until all that was asked is answered; then the loop is stopped. */
  async finish(): Promise<void> {
    await this.outcomes();
    this.inbox.close();
    await this.done;
  }

  get busyTurns(): Input['type'][][] {
    return this.turns.map(({ inputs }) => inputs).filter((inputs) => inputs.length > 0);
  }
}

const found: Event = { type: 'discovery/found', peer: 'x', addresses: [] };

afterEach(() => {
  vi.useRealTimers();
});

describe('a turn of the loop', () => {
  test('takes the tick first, then events, then commands, in whatever order they came', async () => {
    const rig = new Rig();
    rig.noops(2);
    rig.inbox.post(found);
    rig.inbox.tick();
    await rig.finish();
    expect(rig.busyTurns[0]).toEqual(['tick', 'discovery/found', 'noop', 'noop']);
  });

  test('ends after so many commands; a tick and an event that came meanwhile go first in the next', async () => {
    const rig = new Rig();
    rig.noops(10_000);
    rig.onOutput = ({ type }) => {
      if (type !== 'settle') return;
      rig.onOutput = () => {};
      rig.inbox.tick();
      rig.inbox.post(found);
    };
    await rig.finish();
    const [first, second] = rig.busyTurns;
    expect(first?.length).toBe(2_048);
    expect(second?.slice(0, 3)).toEqual(['tick', 'discovery/found', 'noop']);
    expect(rig.busyTurns.flat().filter((type) => type === 'noop')).toHaveLength(10_000);
  });

  test('ends after so many events, and takes commands all the same', async () => {
    const rig = new Rig();
    for (let i = 0; i < 5_000; i += 1) rig.inbox.post(found);
    rig.noops(1);
    await rig.finish();
    expect(rig.busyTurns[0]?.filter((type) => type === 'discovery/found')).toHaveLength(2_048);
    expect(rig.busyTurns[0]?.at(-1)).toBe('noop');
  });

  test.each([
    ['in halves when it is large', false, [50, 50]],
    ['whole when that is asked for', true, [100]],
  ])('is written %s', async (_, isWhole, sizes) => {
    const rig = new Rig(isWhole);
    rig.noops(100);
    await rig.finish();
    expect(rig.busyTurns.map((inputs) => inputs.length)).toEqual(sizes);
  });

  test('ends after so many bytes', async () => {
    const rig = new Rig();
    const payload = new Uint8Array(MiB);
    for (let i = 0; i < 10; i += 1)
      rig.inbox.offer({
        type: 'broadcast',
        ref: 101,
        topic: 't',
        payload,
        timeoutMs: 1,
        allowNone: false,
        responder: rig.responder(),
      });
    rig.inbox.close();
    await rig.done;
    expect(rig.busyTurns.map((inputs) => inputs.length)).toEqual([4, 4]);
  });

  test('has one time throughout, whatever the clock says meanwhile', async () => {
    const rig = new Rig();
    rig.clock.nowMs = 100;
    rig.onOutput = () => {
      rig.clock.nowMs += 1;
    };
    const uptimes: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const responder = new Responder<{ uptimeMs: number }>();
      rig.inbox.offer({ type: 'status', responder: responder as never });
      void responder.promise.then(({ uptimeMs }) => uptimes.push(uptimeMs));
    }
    rig.noops(1);
    await rig.finish();
    expect(uptimes).toEqual([100, 100, 100]);
  });
});

describe('a clock that jumps', () => {
  const subscribe = (rig: Rig, timeoutMs: number): void => {
    const responder = rig.responder<BroadcastResult>();
    const payload = new Uint8Array(1);
    rig.inbox.offer({
      type: 'broadcast',
      ref: 102,
      topic: 't',
      payload,
      timeoutMs,
      allowNone: false,
      responder,
    });
  };
  const turns = async (count = 4) => {
    for (let i = 0; i < count; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  };

  test('far ahead, as after a stop of the process, has what came in taken before the tick', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const rig = new Rig();
    subscribe(rig, 500);
    await turns();
    rig.clock.nowMs += 10_000;
    rig.inbox.post(found);
    vi.advanceTimersByTime(500);
    await turns();
    expect(rig.busyTurns).toEqual([['broadcast'], ['discovery/found', 'tick']]);
    await rig.finish();
    expect(await rig.outcomes()).toEqual({ 'no-peers': 1 });
  });

  test('back does not take the turns back, and deadlines come after the time they were given', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const rig = new Rig();
    rig.clock.nowMs += 3_600_000;
    subscribe(rig, 500);
    await turns();
    rig.clock.nowMs -= 3_600_000;
    rig.inbox.post(found);
    await turns();
    for (const ms of [250, 260]) {
      rig.clock.nowMs += ms;
      vi.advanceTimersByTime(ms);
      await turns();
    }
    expect(await rig.outcomes()).toEqual({ 'no-peers': 1 });
    const times = rig.turns.map(({ nowMs }) => nowMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    await rig.finish();
  });
});

describe('the loop', () => {
  test('lets sockets and timers have their turn while callers ask again as soon as they are answered', async () => {
    const rig = new Rig();
    let calls = 0;
    let callsBeforeOthers = 0;
    const call = (): Promise<void> => {
      calls += 1;
      if (calls > 100_000) return Promise.resolve();
      const responder = new Responder<void>();
      rig.inbox.offer({ type: 'noop', responder });
      return responder.promise.then(call);
    };
    const callers = Array.from({ length: 64 }, call);
    setTimeout(() => {
      callsBeforeOthers = calls;
    }, 0);
    await Promise.all(callers);
    // A loop that is woken from microtasks would have made all the calls first.
    expect(callsBeforeOthers).toBeGreaterThan(0);
    expect(callsBeforeOthers).toBeLessThan(100_000);
    await rig.finish();
  });

  test('is woken when the next deadline comes, and not before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const rig = new Rig();
    const responder = rig.responder<BroadcastResult>();
    const waiting = {
      type: 'broadcast',
      ref: 102,
      topic: 't',
      payload: new Uint8Array(1),
      timeoutMs: 500,
      allowNone: false,
    } as const;
    rig.inbox.offer({ ...waiting, responder });
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    const pass = async (ms: number) => {
      rig.clock.nowMs += ms;
      vi.advanceTimersByTime(ms);
      for (let i = 0; i < 4; i += 1) await turn();
    };
    await pass(0);
    await pass(490);
    expect(rig.busyTurns.flat()).toEqual(['broadcast']);
    await pass(10);
    expect(rig.busyTurns.flat()).toEqual(['broadcast', 'tick']);
    expect(await rig.outcomes()).toEqual({ 'no-peers': 1 });
    expect(vi.getTimerCount()).toBe(0);
    rig.inbox.close();
    await rig.done;
  });

  test('that stops settles what is under way and what was never taken; nothing is left pending', async () => {
    const rig = new Rig();
    const target = { kind: 'word', key: 'bob' } as const;
    // Somebody is being greeted who may be bob: the call and the ping wait for that.
    const nonce = new Uint8Array(32);
    rig.inbox.post({
      type: 'connection/opened',
      connection: 'c',
      peer: 'x',
      address: '',
      direction: 'inbound',
      nonce,
    });
    const request = {
      type: 'request',
      target,
      service: '',
      payload: new Uint8Array(1),
      timeoutMs: 60_000,
    } as const;
    rig.inbox.offer({ ...request, ref: 1, answer: rig.responder() });
    rig.inbox.offer({ ...request, ref: 2, end: rig.responder() });
    rig.inbox.offer({ type: 'ping', ref: 3, target, timeoutMs: 60_000, responder: rig.responder() });
    rig.inbox.offer({
      type: 'broadcast',
      ref: 103,
      topic: 't',
      payload: nonce,
      timeoutMs: 60_000,
      allowNone: false,
      responder: rig.responder(),
    });
    for (let i = 0; i < 10_000; i += 1) {
      rig.noops(1);
      rig.inbox.follow({ type: 'unsubscribe', ref: i, responder: rig.responder() });
      rig.inbox.post({
        type: 'request/answer',
        key: i,
        payload: nonce,
        end: false,
        accepted: rig.responder(),
      });
    }
    rig.inbox.close();
    await rig.done;
    rejectQueued(rig.inbox);
    const outcomes = await rig.outcomes();
    const settled = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    expect(settled).toBe(30_004);
    expect(outcomes.stopped).toBeGreaterThan(4);
    expect(Object.keys(outcomes).sort()).toEqual(['ok', 'stopped']);
    expect(rig.inbox.offer({ type: 'noop', responder: rig.responder() })).toBe(false);
  });

  test('is told the date at its start, and again when the wall clock was set', async () => {
    const rig = new Rig();
    const turn = async (nowMs: number, dateOffsetMs: number) => {
      rig.clock.nowMs = nowMs;
      rig.dateOffsetMs = dateOffsetMs;
      rig.noops(1);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    };
    await turn(0, 5_000);
    await turn(20_000, 5_000);
    // Drift is told once it is worth it.
    await turn(30_000, 5_900);
    await turn(40_000, 6_100);
    await turn(40_000, -3_600_000);
    expect(rig.dates).toEqual([5_000, 6_100, -3_600_000]);
    rig.inbox.close();
    await rig.done;
  });

  test('keeps what keys are made of for a recorder alone', async () => {
    const run = async (recorder: Recording | undefined) => {
      const inbox = new Inbox<Event, Command>({ maxCommands: 100, maxCommandBytes: MiB }, payloadBytes);
      const config = coreConfig({ entropy: new Uint8Array(32).fill(7) });
      const clock = { now: () => 0, date: () => 0 };
      const done = new ServerLoop(inbox, new NodeCore(config, 0, () => {}), clock, recorder).run();
      inbox.close();
      await done;
      return config.entropy;
    };
    expect(await run(undefined)).toEqual(new Uint8Array(32));
    expect(await run(new Recording())).toEqual(new Uint8Array(32).fill(7));
  });

  test('is recorded turn by turn, and the recording gives its state again', async () => {
    const inbox = new Inbox<Event, Command>({ maxCommands: 100, maxCommandBytes: MiB }, payloadBytes);
    const recording = new Recording();
    const clock = { nowMs: 7, now: () => clock.nowMs, date: () => 1_000 + clock.nowMs };
    const done = new ServerLoop(inbox, new NodeCore(coreConfig(), 7, () => {}), clock, recording).run();
    const remembered = { peer: 'bob', name: 'bob', addresses: ['/ip4/127.0.0.1/tcp/1'] };
    inbox.post({ type: 'peer/remembered', peers: [remembered] });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    clock.nowMs = 12;
    const responder = new Responder<void>();
    responder.promise.catch(() => {});
    inbox.offer({ type: 'subscribe', ref: 1, topics: ['news'], responder });
    inbox.close();
    await done;
    expect(recording).toMatchObject({ startedMs: 7, config: { self: { id: 'alice' } } });
    expect(recording.turns.filter(({ inputs }) => inputs.length > 0)).toMatchObject([
      { nowMs: 7, inputs: [{ type: 'loop/date', offsetMs: 1_000 }, { type: 'peer/remembered' }] },
      { nowMs: 12, inputs: [{ type: 'subscribe', topics: ['news'] }] },
    ]);
    expect(recording.snapshot).toMatchObject({
      broadcast: { topics: [['news', [1]]] },
      peers: { names: [['bob', ['bob']]] },
    });
    expect(replay(coreConfig(), recording).snapshot()).toEqual(recording.snapshot);
  });
});

describe('a node that is stopping', () => {
  const call = (rig: Rig, ref: number): Command => ({
    type: 'request',
    ref,
    target: { kind: 'id', key: 'bob', peer: 'bob' },
    service: '',
    payload: new Uint8Array(0),
    timeoutMs: 1_000,
    answer: rig.responder(),
  });

  test('takes nothing new, still answers what it is asked about itself, and is done when no call is in flight', async () => {
    const rig = new Rig();
    rig.inbox.offer(call(rig, 101));
    const drained = new Responder<void>();
    let isDrained = false;
    void drained.promise.then(() => {
      isDrained = true;
    });
    rig.inbox.follow({ type: 'drain', responder: drained });
    rig.inbox.offer(call(rig, 102));
    rig.inbox.offer({ type: 'subscribe', ref: 103, topics: ['t'], responder: rig.responder() });
    rig.inbox.offer({
      type: 'handle',
      ref: 104,
      service: 's',
      access: 'open',
      concurrency: 1,
      responder: rig.responder(),
    });
    const status = new Responder<NodeStatus>();
    rig.inbox.offer({ type: 'status', responder: status });
    expect(await status.promise).toMatchObject({ name: 'alice' });
    expect(isDrained).toBe(false);
    rig.inbox.follow({ type: 'request/cancel', ref: 101 });
    await drained.promise;
    expect(await rig.outcomes()).toEqual({ stopped: 4 });
    await rig.finish();
  });

  test('that ends before its calls have ended does not leave anyone waiting for that', async () => {
    const rig = new Rig();
    rig.inbox.offer(call(rig, 101));
    const drained = new Responder<void>();
    rig.inbox.follow({ type: 'drain', responder: drained });
    rig.inbox.close();
    await rig.done;
    await drained.promise;
    expect(await rig.outcomes()).toEqual({ stopped: 1 });
  });
});
