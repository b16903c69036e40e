import { beforeEach, describe, expect, test } from 'vitest';
import type { BroadcastInput, BroadcastOutput } from '../src/broadcast/messages.ts';
import { MAX_HELD_BYTES, MAX_TOPICS } from '../src/broadcast/quotas.ts';
import { BroadcastState, MAX_TOPIC_LENGTH, SUBSCRIBED_TIMEOUT_MS } from '../src/broadcast/state.ts';
import { Responder } from '../src/channel/responder.ts';
import type { Limits } from '../src/config.ts';
import { SUBSCRIBED_SERVICE } from '../src/internal-services.ts';
import { defaultLimits } from '../src/settings.ts';
import { FakeContext } from './support/context.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

let context: FakeContext<BroadcastOutput>;
let state: BroadcastState;
/** What became of each command, by a name that the test gives it. */
let outcomes: Record<string, unknown[]>;
let names: Map<unknown, string>;
let lastRef = 0;
let limits: Limits;
beforeEach(() => {
  context = new FakeContext();
  lastRef = 0;
  limits = { ...defaultLimits, maxPayloadBytes: 1_000 };
  state = new BroadcastState(context, limits, () => {
    lastRef -= 1;
    return lastRef;
  });
  outcomes = {};
  names = new Map();
});

function responder<T>(name: string): Responder<T> {
  const made = new Responder<T>();
  names.set(made, name);
  outcomes[name] = [];
  return made;
}

function step(...inputs: BroadcastInput[]): void {
  for (const input of inputs)
    (state.handlers as unknown as Record<string, (input: BroadcastInput) => void>)[input.type]?.(input);
  settle();
}

function settle(): void {
  for (const { responder: settled, value } of context.takeOf('settle'))
    outcomes[names.get(settled) ?? '']?.push(value ?? 'done');
  for (const { responder: failed, error } of context.takeOf('fail'))
    outcomes[names.get(failed) ?? '']?.push(error.code);
}

function tick(nowMs: number): void {
  context.nowMs = nowMs;
  step({ type: 'tick' });
}

const broadcast = (
  name: string,
  options: { topic?: string; size?: number; allowNone?: boolean; timeoutMs?: number } = {},
) => {
  const { topic = 'news', size = 3, allowNone = false, timeoutMs = 5_000 } = options;
  step({
    type: 'broadcast',
    ref: refOf(name),
    topic,
    payload: new Uint8Array(size),
    timeoutMs,
    allowNone,
    responder: responder(name),
  });
};
/** A reference for each broadcast, by its name here. */
const refs: string[] = [];
function refOf(name: string): number {
  if (!refs.includes(name)) refs.push(name);
  return 1_000 + refs.indexOf(name);
}
const subscribe = (name: string, ref: number, ...topics: string[]) =>
  step({ type: 'subscribe', ref, topics, responder: responder(name) });
const unsubscribe = (name: string, ref: number) =>
  step({ type: 'unsubscribe', ref, responder: responder(name) });
const subscriber = (peer: string, isSubscribed = true, topic = 'news') =>
  step({ type: 'gossip/peer', topic, peer, isSubscribed });
const admitted = (peer: string, kind: 'peerd' | 'other' = 'peerd') =>
  step({ type: 'peer/admitted', connection: 'c', peer, kind, name: peer, roles: [] });
/** A bound as `top` shows it. */
const quota = (name: string) => state.quotas.find(({ info }) => info.name === name)?.info;
/** Carries out what is to be published; each message reaches `peers` peers. */
function publish(peers: number): number {
  const publishes = context.takeOf('gossip/publish');
  for (const { publish: id } of publishes) step({ type: 'gossip/published', publish: id, peers });
  return publishes.length;
}

describe('a broadcast', () => {
  test('with a subscriber goes out at once and tells how many peers it was sent to', () => {
    subscriber('bob');
    broadcast('a');
    expect(publish(3)).toBe(1);
    expect(outcomes).toEqual({ a: [{ peers: 3 }] });
    expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('waits for a first subscriber and goes out when it is there, with all that wait, in order', () => {
    broadcast('a');
    broadcast('b');
    broadcast('elsewhere', { topic: 'other' });
    expect(context.takeOf('gossip/publish')).toEqual([]);
    context.nowMs = 4_000;
    subscriber('bob');
    expect(publish(1)).toBe(2);
    expect(outcomes).toEqual({ a: [{ peers: 1 }], b: [{ peers: 1 }], elsewhere: [] });
  });

  test('fails with no-peers when nobody subscribed in its time, and not before', () => {
    broadcast('a', { timeoutMs: 5_000 });
    tick(4_990);
    expect(outcomes).toEqual({ a: [] });
    tick(5_000);
    expect(outcomes).toEqual({ a: ['no-peers'] });
    subscriber('bob');
    expect(publish(1)).toBe(0);
  });

  test('that may reach nobody does not wait', () => {
    broadcast('a', { allowNone: true });
    publish(0);
    expect(outcomes).toEqual({ a: [{ peers: 0 }] });
  });

  test('whose subscriber has left waits again, in the same time', () => {
    subscriber('bob');
    broadcast('a', { timeoutMs: 5_000 });
    context.nowMs = 3_000;
    publish(0);
    expect(outcomes).toEqual({ a: [] });
    context.nowMs = 4_000;
    subscriber('carol');
    publish(0);
    tick(5_000);
    expect(outcomes).toEqual({ a: ['no-peers'] });
  });

  test('that is called off while it waits is not sent to who comes later', () => {
    broadcast('a');
    broadcast('b');
    step({ type: 'broadcast/cancel', ref: refOf('a') });
    expect(outcomes).toEqual({ a: ['stopped'], b: [] });
    subscriber('bob');
    expect(publish(1)).toBe(1);
    expect(outcomes).toEqual({ a: ['stopped'], b: [{ peers: 1 }] });
  });

  test('that reached nobody although somebody has subscribed is sent again, until it does', () => {
    subscriber('bob');
    broadcast('a', { timeoutMs: 5_000 });
    publish(0);
    tick(100);
    publish(0);
    tick(200);
    expect(publish(1)).toBe(1);
    expect(outcomes).toEqual({ a: [{ peers: 1 }] });
  });

  test('does not take for a subscriber who left the topic, or this network', () => {
    subscriber('bob');
    subscriber('bob', false);
    subscriber('carol');
    step({ type: 'peer/disconnected', peer: 'carol' });
    broadcast('a');
    expect(context.takeOf('gossip/publish')).toEqual([]);
  });

  test('that can not be published fails', () => {
    subscriber('bob');
    broadcast('a');
    const [sent] = context.takeOf('gossip/publish');
    step({ type: 'gossip/publish-failed', publish: sent?.publish ?? 0, message: 'x' });
    expect(outcomes).toEqual({ a: ['internal'] });
  });

  test.each([
    ['a payload at the limit', { size: 1_000 }, []],
    ['a payload over the limit', { size: 1_001 }, ['too-large']],
    ['a topic at the limit', { topic: 't'.repeat(MAX_TOPIC_LENGTH) }, []],
    ['a topic with a name too long', { topic: 't'.repeat(MAX_TOPIC_LENGTH + 1) }, ['invalid']],
    ['a topic without a name', { topic: '' }, ['invalid']],
  ])('with %s', (_, options, outcome) => {
    broadcast('a', options);
    expect(outcomes).toEqual({ a: outcome });
  });

  test('is busy when those that wait or are being sent have 64 MiB, until one of them has ended', () => {
    limits.maxPayloadBytes = MAX_HELD_BYTES;
    const fills = (name: string, ends: () => void) => {
      broadcast(name, { size: MAX_HELD_BYTES - 10 });
      broadcast(`beside ${name}`, { size: 11, allowNone: true });
      expect(outcomes).toEqual({ [name]: [], [`beside ${name}`]: ['busy'] });
      ends();
      expect(outcomes[name]).toHaveLength(1);
      expect(state.snapshot()).toMatchObject({ heldBytes: 0 });
      outcomes = {};
    };
    fills('cancelled', () => step({ type: 'broadcast/cancel', ref: refOf('cancelled') }));
    fills('of a client that was closed', () => step({ type: 'client/closed' }));
    fills('without a subscriber', () => tick(context.nowMs + 5_000));
    subscriber('bob');
    fills('sent', () => publish(1));
    fills('failed', () => {
      const [{ publish: id } = { publish: 0 }] = context.takeOf('gossip/publish');
      step({ type: 'gossip/publish-failed', publish: id, message: 'no' });
    });
    fills('sent to nobody, and not called off while it is', () => {
      publish(0);
      step({ type: 'broadcast/cancel', ref: refOf('sent to nobody, and not called off while it is') });
    });
    broadcast('alone', { size: MAX_HELD_BYTES });
    expect(outcomes.alone).toEqual([]);
  });

  test('is busy when 1,024 others wait for a subscriber', () => {
    for (let i = 0; i < 1_024; i += 1) broadcast(`${i}`);
    broadcast('more');
    expect(outcomes.more).toEqual(['busy']);
    expect(Object.values(outcomes).flat()).toEqual(['busy']);
    tick(5_000);
    broadcast('later');
    expect(outcomes.later).toEqual([]);
  });

  test('is busy when 4,096 others are being signed and sent, until one of them is', () => {
    subscriber('bob');
    for (let i = 0; i < 4_096; i += 1) {
      broadcast(`${i}`);
      expect(context.take()).toMatchObject([{ type: 'gossip/publish', publish: i + 1 }]);
    }
    broadcast('more');
    expect(context.takeOf('gossip/publish')).toEqual([]);
    expect(outcomes.more).toEqual(['busy']);
    expect(quota('broadcasts being sent')).toEqual({
      name: 'broadcasts being sent',
      unit: 'items',
      size: 4_096,
      limit: 4_096,
      refused: 1,
    });
    step({ type: 'gossip/published', publish: 8, peers: 1 });
    expect(outcomes[7]).toEqual([{ peers: 1 }]);
    broadcast('later');
    expect(publish(1)).toBe(1);
    expect(outcomes.later).toEqual([{ peers: 1 }]);
  });
});

describe('a subscription', () => {
  /** The questions asked of neighbours, `peer topic`, to be answered by ref. */
  const questions = () =>
    context.takeOf('request/internal').map(({ ref, peer, service, payload }) => {
      expect(service).toBe(SUBSCRIBED_SERVICE);
      return { ref, text: `${peer} ${new TextDecoder().decode(payload)}` };
    });
  const answer = (ref: number) => step({ type: 'request/internal-settled', ref, outcome: new Uint8Array(0) });

  test('is there at once when nobody is connected who could be asked', () => {
    admitted('old', 'other');
    subscribe('s', 1, 'news');
    expect(context.takeOf('gossip/join')).toMatchObject([{ topic: 'news' }]);
    expect(outcomes).toEqual({ s: ['done'] });
  });

  test('is there when every neighbour has confirmed every topic of it, or had its time for that', () => {
    admitted('bob');
    admitted('carol');
    subscribe('s', 1, 'news', 'sport');
    const asked = questions();
    expect(asked.map(({ text }) => text).sort()).toEqual([
      'bob news',
      'bob sport',
      'carol news',
      'carol sport',
    ]);
    for (const { ref } of asked.slice(1)) answer(ref);
    expect(outcomes).toEqual({ s: [] });
    answer(asked[0]?.ref ?? 0);
    expect(outcomes).toEqual({ s: ['done'] });
    answer(asked[0]?.ref ?? 0);
    expect(outcomes).toEqual({ s: ['done'] });
  });

  test('hears its topics, each message once however many of them it is', () => {
    subscribe('s', 1, 'news');
    subscribe('t', 2, 'news', 'sport');
    step({ type: 'gossip/message', topic: 'news', from: 'bob', payload: bytes('hi') });
    step({ type: 'gossip/message', topic: 'sport', from: 'bob', payload: bytes('ho') });
    step({ type: 'gossip/message', topic: 'other', from: 'bob', payload: bytes('no') });
    expect(context.takeOf('broadcast/deliver')).toEqual([
      { type: 'broadcast/deliver', subscriptions: [1, 2], topic: 'news', from: 'bob', payload: bytes('hi') },
      { type: 'broadcast/deliver', subscriptions: [2], topic: 'sport', from: 'bob', payload: bytes('ho') },
    ]);
  });

  test('joins a topic with the first and leaves it with the last of it', () => {
    subscribe('s', 1, 'news');
    subscribe('t', 2, 'news');
    expect(context.takeOf('gossip/join')).toHaveLength(1);
    unsubscribe('u', 1);
    state.flush();
    expect(context.takeOf('gossip/leave')).toEqual([]);
    expect(state.topics).toEqual(['news']);
    unsubscribe('v', 2);
    state.flush();
    expect(context.takeOf('gossip/leave')).toEqual([{ type: 'gossip/leave', topic: 'news' }]);
    expect(state.topics).toEqual([]);
    expect(outcomes).toMatchObject({ u: ['done'], v: ['done'] });
  });

  test('that takes the place of another in one turn keeps the topic: to leave and join costs the mesh', () => {
    subscribe('s', 1, 'news');
    state.flush();
    context.take();
    unsubscribe('u', 1);
    subscribe('t', 2, 'news');
    state.flush();
    expect([context.takeOf('gossip/leave'), context.takeOf('gossip/join')]).toEqual([[], []]);
    expect(state.topics).toEqual(['news']);
  });

  test('past 16,384 of the node is busy, until one of them ends', () => {
    for (let ref = 1; ref <= 16_384; ref += 1) subscribe(`${ref}`, ref, 'news');
    subscribe('more', 20_000, 'other');
    expect(outcomes.more).toEqual(['busy']);
    expect(state.topics).toEqual(['news']);
    expect(quota('subscriptions')).toEqual({
      name: 'subscriptions',
      unit: 'items',
      size: 16_384,
      limit: 16_384,
      refused: 1,
    });
    unsubscribe('end', 7);
    subscribe('later', 20_001, 'other');
    expect(outcomes.later).toEqual(['done']);
  });

  test.each<[string, string[], string]>([
    ['to nothing', [], 'invalid'],
    ['to a topic without a name', ['news', ''], 'invalid'],
    ['to a topic with a name too long', ['x'.repeat(MAX_TOPIC_LENGTH + 1)], 'invalid'],
    [
      'to more topics than a node may have',
      Array.from({ length: MAX_TOPICS + 1 }, (_, i) => `t${i}`),
      'busy',
    ],
  ])('%s fails, and nothing is joined', (_, topics, code) => {
    subscribe('s', 1, ...topics);
    expect(outcomes).toEqual({ s: [code] });
    expect(context.takeOf('gossip/join')).toEqual([]);
    expect(state.topics).toEqual([]);
  });
});

describe('a neighbour that wants to know whether we have heard of its subscription', () => {
  const asks = (topic: string, key = 7) =>
    step({
      type: 'request/internal-inbound',
      key,
      peer: 'bob',
      service: SUBSCRIBED_SERVICE,
      payload: bytes(topic),
    });

  test('is answered when we have', () => {
    subscriber('bob');
    asks('news');
    expect(context.takeOf('request/answer')).toMatchObject([{ key: 7, end: true }]);
  });

  test('is answered as soon as we do, by its own subscription to that topic and no other', () => {
    asks('news');
    subscriber('carol');
    subscriber('bob', true, 'sport');
    expect(context.takeOf('request/answer')).toEqual([]);
    subscriber('bob');
    expect(context.takeOf('request/answer')).toMatchObject([{ key: 7 }]);
    expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('is told after a while that we have not', () => {
    asks('news');
    tick(SUBSCRIBED_TIMEOUT_MS);
    expect(context.takeOf('request/refuse')).toMatchObject([{ key: 7, code: 'timeout' }]);
  });

  test('about a topic with a name that can not be is refused, in short', () => {
    asks('x'.repeat(1_000_000));
    const [refusal] = context.takeOf('request/refuse');
    expect(refusal).toMatchObject({ key: 7, code: 'invalid' });
    expect(refusal?.reason.length).toBeLessThan(200);
    expect(state.nextTickMs).toBe(Number.POSITIVE_INFINITY);
  });
});

test('stopping ends what waits for a subscriber, what is being published and what is being subscribed to', () => {
  broadcast('waiting');
  subscriber('bob', true, 'sport');
  broadcast('publishing', { topic: 'sport' });
  admitted('bob');
  subscribe('joining', 1, 'news', 'sport');
  state.stop();
  settle();
  expect(outcomes).toEqual({ waiting: ['stopped'], publishing: ['stopped'], joining: ['stopped'] });
});
