import { describe, expect, test } from 'vitest';
import { Inbox } from '../src/channel/inbox.ts';
import { Responder } from '../src/channel/responder.ts';
import { END_MESSAGE, END_STREAM, FrameType } from '../src/request/frames.ts';
import { NodeCore } from '../src/server/core.ts';
import { type Command, type Event, type Input, type Output, payloadBytes } from '../src/server/messages.ts';
import { type RecordedInput, Recording, replay } from '../src/server/recording.ts';
import { ServerLoop } from '../src/server/server.ts';
import { coreConfig, selfOf } from './support/core-config.ts';
import { greetingOf } from './support/hello-pair.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const target = { kind: 'word', key: 'bob' } as const;
const bob = selfOf('bob');

/** An answer nobody looks at. */
function ignored<T>(): Responder<T> {
  const responder = new Responder<T>();
  responder.promise.catch(() => {});
  return responder;
}

/** A run with a bit of everything: [ms, the inputs of a turn]. */
const script: readonly (readonly [number, readonly Input[]])[] = [
  [100, [{ type: 'node/listening', addresses: ['/ip4/127.0.0.1/tcp/1/p2p/alice'] }]],
  [
    120,
    [
      {
        type: 'connection/opened',
        connection: 'c1',
        peer: 'bob',
        address: '/ip4/127.0.0.1/tcp/2',
        direction: 'inbound',
        nonce: new Uint8Array(32).fill(1),
      },
      {
        type: 'request',
        ref: 1,
        target,
        service: '',
        payload: bytes('hi'),
        timeoutMs: 9_000,
        answer: ignored(),
      },
      { type: 'hello/message', connection: 'c1', message: greetingOf(bob, 'test') },
      { type: 'hello/message', connection: 'c1', message: { type: 'accept', proof: new Uint8Array(0) } },
    ],
  ],
  [125, [{ type: 'request/link-opened', link: 1 }]],
  [126, [{ type: 'request/link-inbound', link: -1, peer: 'bob', connection: 'c1' }]],
  [
    130,
    [
      {
        type: 'request/frames',
        link: 1,
        frames: [{ type: FrameType.data, call: 1, flags: END_MESSAGE | END_STREAM, data: bytes('lo') }],
        bytes: 9,
      },
      { type: 'subscribe', ref: 2, topics: ['news'], responder: ignored() },
      {
        type: 'request',
        ref: 3,
        target,
        service: 's',
        payload: bytes('more'),
        timeoutMs: 50,
        end: ignored(),
      },
    ],
  ],
  [200, [{ type: 'tick' }]],
  [
    210,
    [
      {
        type: 'handle',
        ref: 6,
        service: 's',
        access: { peers: ['bob'] },
        concurrency: 1,
        responder: ignored(),
      },
      {
        type: 'request/frames',
        link: -1,
        frames: [1, 2].map((call) => ({
          type: FrameType.open,
          call,
          flags: END_MESSAGE | END_STREAM,
          timeoutMs: 1_000,
          totalBytes: 2,
          service: 's',
          data: bytes('hi'),
        })),
        bytes: 40,
      },
    ],
  ],
  [
    220,
    [{ type: 'service/returned', key: 1, peer: 'bob', peerName: 'bob', service: 's', payload: bytes('hi') }],
  ],
  [
    5_200,
    [
      { type: 'tick' },
      {
        type: 'peer/identified',
        peer: 'bob',
        connection: 'c1',
        addresses: ['/ip4/127.0.0.1/tcp/2'],
        protocols: ['/peerd/kad/1.0.0'],
      },
      { type: 'dht/added', peer: 'bob' },
    ],
  ],
  [5_300, [{ type: 'connection/closed', connection: 'c1', peer: 'bob' }]],
  [
    5_400,
    [
      { type: 'connect', ref: 4, target, timeoutMs: 1_000, responder: ignored() },
      { type: 'disconnect', ref: 5, target, responder: ignored() },
      { type: 'topics', responder: ignored() },
      { type: 'services', responder: ignored() },
    ],
  ],
  [9_000, [{ type: 'tick' }]],
];

/** Outputs as they can be compared: responders are nobody in particular. */
const comparable = (outputs: readonly Output[]) =>
  outputs.map((output) => ('responder' in output ? { ...output, responder: undefined } : output));

function record(): { recording: Recording; outputs: Output[] } {
  const config = coreConfig();
  const recording = new Recording();
  const outputs: Output[] = [];
  const core = new NodeCore(config, 90, (output) => outputs.push(output));
  recording.begin(config, 90);
  for (const [nowMs, inputs] of script) {
    core.nowMs = nowMs;
    recording.turn(nowMs);
    for (const input of inputs) {
      recording.input(input);
      core.step(input);
    }
    core.flush();
  }
  recording.end(core.snapshot());
  return { recording, outputs };
}

describe('the replay of a recorded run', () => {
  test('gives the same outputs in the same order, and the same state', () => {
    const { recording, outputs } = record();
    const again: Output[] = [];
    const core = replay(coreConfig(), recording, (output) => again.push(output));
    const kinds = new Set(outputs.map(({ type }) => type));
    // The run did reach into every feature: else the comparison would say little.
    for (const kind of [
      'settle',
      'fail',
      'peer/admitted',
      'request/write',
      'gossip/join',
      'dht/bootstrap',
      'dht/add',
      'peer/dial',
      'service/added',
      'service/run',
    ])
      expect(kinds).toContain(kind);
    expect(core.snapshot()).toEqual(recording.snapshot);
    expect(comparable(again)).toEqual(comparable(outputs));
  });

  test('works from a copy that went through serialisation: it is plain data', () => {
    const { recording } = record();
    const { startedMs, turns } = structuredClone({ startedMs: recording.startedMs, turns: recording.turns });
    expect(replay(coreConfig(), { startedMs, turns }).snapshot()).toEqual(recording.snapshot);
  });

  test('is not touched by what callers do to their payloads later', () => {
    const { recording } = record();
    const payload = bytes('mine');
    recording.turn(9_100);
    recording.input({
      type: 'broadcast',
      ref: 101,
      topic: 't',
      payload,
      timeoutMs: 1,
      allowNone: true,
      responder: ignored(),
    });
    payload.fill(0);
    expect(recording.turns.at(-1)?.inputs[0]).toMatchObject({ payload: bytes('mine') });
  });

  const changes: [string, (turns: { nowMs: number; inputs: RecordedInput[] }[]) => void][] = [
    ['an input is missing', (turns) => turns[4]?.inputs.splice(1, 1)],
    ['two inputs come in another order', (turns) => turns[1]?.inputs.reverse()],
    ['an answer never came', (turns) => Object.assign(turns[4]?.inputs[0] ?? {}, { frames: [] })],
    ['a turn is at another time', (turns) => Object.assign(turns[5] ?? {}, { nowMs: 150 })],
  ];
  test('has another state at its end when an input has changed', () => {
    const { recording } = record();
    recording.turns[4]?.inputs.splice(1, 1);
    expect(replay(coreConfig(), recording).snapshot()).not.toEqual(recording.snapshot);
  });

  test.each(changes)('differs when %s', (_, change) => {
    const { recording, outputs } = record();
    change(recording.turns);
    const again: Output[] = [];
    const snapshot = replay(coreConfig(), recording, (output) => again.push(output)).snapshot();
    expect([snapshot, comparable(again)]).not.toEqual([recording.snapshot, comparable(outputs)]);
  });

  test('makes the same choices only from the same seed', () => {
    const jitter = (seed: [number, number, number, number]) => {
      const core = new NodeCore(coreConfig({ seed }), 0, () => {});
      return Array.from({ length: 8 }, () => core.random());
    };
    expect(jitter([1, 2, 3, 4])).toEqual(jitter([1, 2, 3, 4]));
    expect(jitter([1, 2, 3, 4])).not.toEqual(jitter([1, 2, 3, 5]));
    for (const value of jitter([0, 0, 0, 0])) expect(value).toSatisfy((x: number) => x >= 0 && x < 1);
  });
});

test('a turn that the loop wrote in two halves is replayed in two', async () => {
  const inbox = new Inbox<Event, Command>({ maxCommands: 1_000, maxCommandBytes: 1e9 }, payloadBytes);
  const config = coreConfig();
  const recording = new Recording();
  const outputs: Output[] = [];
  const core = new NodeCore(config, 0, (output) => outputs.push(output));
  let nowMs = 0;
  const running = new ServerLoop(inbox, core, { now: () => nowMs, date: () => nowMs }, recording).run();
  for (const [atMs, inputs] of script.slice(0, 4)) {
    nowMs = atMs;
    for (const input of inputs)
      if (input.type === 'request') inbox.offer(input);
      else inbox.post(input as Event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Each call is cancelled in the turn that asks for it: whether it was written before that is seen in the windows.
  for (let ref = 10; ref < 74; ref += 1) {
    const payload = new Uint8Array(100);
    inbox.offer({ type: 'request', ref, target, service: '', payload, timeoutMs: 9_000, answer: ignored() });
  }
  for (let ref = 10; ref < 74; ref += 1) inbox.follow({ type: 'request/cancel', ref });
  await new Promise((resolve) => setImmediate(resolve));
  inbox.close();
  await running;
  const replayed: Output[] = [];
  const again = replay(config, recording, (output) => replayed.push(output));
  expect(again.snapshot()).toEqual(recording.snapshot);
  const writes = (all: readonly Output[]) => all.filter(({ type }) => type === 'request/write');
  expect(writes(replayed)).toEqual(writes(outputs));
  expect(writes(outputs).length).toBeGreaterThan(1);
});
