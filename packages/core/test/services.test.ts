import type { ServiceAccess, ServiceInfo } from '@peerd/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { Responder } from '../src/channel/responder.ts';
import type { ServiceRules } from '../src/config.ts';
import type { ServiceRequest, ServicesInput, ServicesOutput } from '../src/services/messages.ts';
import { MAX_REGISTRATIONS, MAX_WAITING_PER_SERVICE, ServicesState } from '../src/services/state.ts';
import { defaultLimits } from '../src/settings.ts';
import { FakeContext } from './support/context.ts';

let context: FakeContext<ServicesOutput>;
let state: ServicesState;
const start = (rules: ServiceRules = {}) => {
  context = new FakeContext();
  state = new ServicesState(context, rules);
};
beforeEach(() => start());

function step(...inputs: ServicesInput[]): void {
  const handlers = state.handlers as unknown as Record<string, (input: ServicesInput) => void>;
  for (const input of inputs) handlers[input.type]?.(input);
}

// biome-ignore lint/suspicious/noExplicitAny: what a responder takes is not looked at here
const ignored = (): Responder<any> => new Responder();
const service = 'clock';
const handle = (
  ref: number,
  options: { access?: ServiceAccess; concurrency?: number; service?: string } = {},
) =>
  step({
    type: 'handle',
    ref,
    service,
    access: 'open',
    concurrency: 1_024,
    responder: ignored(),
    ...options,
  });
const unhandle = (ref: number) => step({ type: 'unhandle', ref, responder: ignored() });
const request = (key: number, peer = 'bob', name = service): ServiceRequest => ({
  key,
  peer,
  peerName: undefined,
  service: name,
  payload: new Uint8Array(0),
});
const ask = (key: number, peer?: string, name?: string) =>
  step({ type: 'request/dispatch', ...request(key, peer, name) });
const answer = (key: number) => step({ type: 'request/answer', key, payload: new Uint8Array(0), end: true });

/** What was decided: `key → registration`, `key ✗ code`. */
const decided = () =>
  context.take().flatMap((output) => {
    if (output.type === 'service/run') return `${output.request.key} → ${output.registration}`;
    return output.type === 'request/refuse' ? `${output.key} ✗ ${output.code}` : [];
  });
const rule = (services: ServiceRules) =>
  step({
    type: 'reconfigure',
    allow: [],
    deny: [],
    peers: [],
    bootstrapIntervalMs: 30_000,
    limits: defaultLimits,
    services,
    responder: ignored(),
  });
function list(): ServiceInfo[] {
  context.take();
  step({ type: 'services', responder: ignored() });
  return (context.takeOf('settle')[0] as { value: ServiceInfo[] }).value;
}

describe('a request', () => {
  test('goes to the handler with the fewest in hand: of several, the one idle longest', () => {
    for (const ref of [1, 2, 3]) handle(ref);
    for (const key of [11, 12, 13, 14]) ask(key);
    expect(decided()).toEqual(['11 → 1', '12 → 2', '13 → 3', '14 → 1']);
    answer(13);
    answer(12);
    // 3 was free before 2; 1 has two in hand.
    for (const key of [15, 16, 17]) ask(key);
    expect(decided()).toEqual(['15 → 3', '16 → 2', '17 → 3']);
  });

  test.each<[string, (key: number) => ServicesInput, boolean]>([
    ['an answer', (key) => ({ type: 'request/answer', key, payload: new Uint8Array(0), end: true }), true],
    [
      'the first of several answers',
      (key) => ({ type: 'request/answer', key, payload: new Uint8Array(0), end: false }),
      false,
    ],
    ['the end of a stream of answers', (key) => ({ type: 'request/answer-end', key }), true],
    ['a refusal', (key) => ({ type: 'request/refuse', key, code: 'refused', reason: '' }), true],
    ['the caller leaving', (key) => ({ type: 'request/abort', key, reason: '' }), true],
  ])('that waits for a full handler follows %s: %j', (_, input, follows) => {
    handle(1, { concurrency: 2 });
    for (const key of [11, 12, 13, 14]) ask(key);
    expect(decided()).toEqual(['11 → 1', '12 → 1']);
    expect(list()).toEqual([{ service, handlers: 1, access: 'open', inFlight: 2, waiting: 2 }]);
    step(input(11));
    expect(decided()).toEqual(follows ? ['13 → 1'] : []);
  });

  test('that waits is taken by a handler that comes', () => {
    handle(1, { concurrency: 1 });
    for (const key of [11, 12, 13, 14]) ask(key);
    decided();
    handle(2, { concurrency: 2 });
    expect(decided()).toEqual(['12 → 2', '13 → 2']);
  });

  test('that waits goes to the other handlers when one leaves, and fails at once with the last', () => {
    handle(1, { concurrency: 1 });
    handle(2, { concurrency: 1 });
    for (const key of [11, 12, 13, 14]) ask(key);
    decided();
    unhandle(1);
    answer(11);
    expect(decided()).toEqual([]);
    answer(12);
    expect(decided()).toEqual(['13 → 2']);
    unhandle(2);
    expect(decided()).toEqual(['14 ✗ no-handler']);
    expect(list()).toEqual([]);
    ask(15);
    expect(decided()).toEqual(['15 ✗ no-handler']);
  });

  test('that is cancelled while it waits leaves the queue', () => {
    handle(1, { concurrency: 1 });
    for (const key of [11, 12, 13, 14]) ask(key);
    for (const key of [14, 12]) step({ type: 'request/abort', key, reason: '' });
    expect(list()[0]?.waiting).toBe(1);
    answer(11);
    expect(decided()).toEqual(['13 → 1']);
    answer(13);
    ask(15);
    expect(decided()).toEqual(['15 → 1']);
  });

  test('past 16,384 of its peer that wait is busy, until one of them is gone', () => {
    handle(1, { concurrency: 1 });
    for (let key = 0; key <= MAX_WAITING_PER_SERVICE / 2; key += 1) ask(key);
    expect(decided()).toEqual(['0 → 1']);
    ask(100_000);
    expect(decided()).toEqual(['100000 ✗ busy']);
    step({ type: 'request/abort', key: 7, reason: '' });
    ask(100_001);
    expect(decided()).toEqual([]);
  });

  test('finds room beside a peer that has as many as it may, and beside two', () => {
    handle(1, { concurrency: 1 });
    for (let key = 0; key < MAX_WAITING_PER_SERVICE; key += 1) ask(key, 'mallory');
    for (let key = 0; key < MAX_WAITING_PER_SERVICE; key += 1) ask(100_000 + key, 'mallet');
    const refused = decided().filter((decision) => decision.endsWith('busy')).length;
    expect(refused).toBeGreaterThan(MAX_WAITING_PER_SERVICE);
    for (let key = 200_000; key < 201_000; key += 1) ask(key, 'alice');
    expect(decided()).toEqual([]);
  });

  test('is busy when all peers together have 32,768', () => {
    handle(1, { concurrency: 1 });
    let key = 0;
    for (let peer = 0; peer < 40; peer += 1)
      for (let i = 0; i < MAX_WAITING_PER_SERVICE / 2; i += 1) ask(key++, `peer ${peer}`);
    expect(list()[0]?.waiting).toBe(MAX_WAITING_PER_SERVICE);
    decided();
    ask(key, 'one more');
    expect(decided()).toEqual([`${key} ✗ busy`]);
  });

  test('that was given to a handler which has just left goes to another, never back to that one', () => {
    handle(1);
    handle(2);
    ask(11);
    expect(decided()).toEqual(['11 → 1']);
    step({ type: 'service/returned', ...request(11) });
    expect(decided()).toEqual(['11 → 2']);
    ask(12);
    expect(decided()).toEqual(['12 → 2']);
    step({ type: 'service/returned', ...request(11) });
    expect(decided()).toEqual(['11 ✗ no-handler']);
  });

  test('that was given back after its caller left is nobody’s', () => {
    handle(1);
    handle(2);
    ask(11);
    step({ type: 'request/abort', key: 11, reason: '' });
    decided();
    step({ type: 'service/returned', ...request(11) });
    expect(decided()).toEqual([]);
  });

  test('of any service goes to the event handler of a program that has one, as far as the configuration admits', () => {
    start({ shut: 'nobody' });
    step({ type: 'service/event-handler' });
    ask(11);
    ask(12, 'bob', 'shut');
    expect(decided()).toEqual(['11 → 0', '12 ✗ forbidden']);
  });
});

describe('who may ask', () => {
  const onlyBob: ServiceAccess = { peers: ['bob'] };
  test.each<[ServiceAccess, ServiceAccess | undefined, string, string, ServiceAccess]>([
    ['open', undefined, '→', '→', 'open'],
    ['nobody', undefined, '✗', '✗', 'nobody'],
    [onlyBob, undefined, '→', '✗', onlyBob],
    ['open', 'open', '→', '→', 'open'],
    ['open', onlyBob, '→', '✗', onlyBob],
    ['open', 'nobody', '✗', '✗', 'nobody'],
    ['nobody', 'open', '✗', '✗', 'nobody'],
    [onlyBob, { peers: ['bob', 'carol'] }, '→', '✗', onlyBob],
    [onlyBob, { peers: ['carol'] }, '✗', '✗', 'nobody'],
  ])('a handler says %j, the configuration %j: bob %s, carol %s', (access, rule, bob, carol, shown) => {
    start(rule === undefined ? {} : { [service]: rule });
    handle(1, { access });
    ask(11, 'bob');
    ask(12, 'carol');
    const outcome = (sign: string, key: number) => `${key} ${sign} ${sign === '→' ? 1 : 'forbidden'}`;
    expect(decided()).toEqual([outcome(bob, 11), outcome(carol, 12)]);
    expect(list()[0]?.access).toEqual(shown);
  });

  test('a request goes to a handler that admits its caller, also when another is freer', () => {
    handle(1, { access: onlyBob });
    handle(2, { access: { peers: ['carol'] }, concurrency: 1 });
    for (const key of [11, 12, 13]) ask(key, 'carol');
    ask(14, 'bob');
    expect(decided()).toEqual(['11 → 2', '14 → 1']);
    expect(list()[0]).toMatchObject({ access: { peers: ['bob', 'carol'] }, waiting: 2 });
    unhandle(2);
    expect(decided()).toEqual(['12 ✗ forbidden', '13 ✗ forbidden']);
  });

  test.each<[ServiceAccess, string]>([
    ['nobody', 'the service clock is closed to everybody'],
    [onlyBob, 'the service clock is for named peers, and carol is not one of them'],
  ])('a caller that is not admitted hears why: %j', (access, reason) => {
    handle(1, { access });
    ask(11, 'carol');
    expect(context.takeOf('request/refuse')).toMatchObject([{ reason }]);
  });

  test('changes with the configuration, for requests that wait too; those in hand go on', () => {
    handle(1, { concurrency: 1 });
    ask(11, 'carol');
    ask(12, 'carol');
    ask(13, 'bob');
    expect(decided()).toEqual(['11 → 1']);
    rule({ [service]: onlyBob });
    expect(decided()).toEqual(['12 ✗ forbidden']);
    answer(11);
    expect(decided()).toEqual(['13 → 1']);
    rule({});
    answer(13);
    ask(14, 'carol');
    expect(decided()).toEqual(['14 → 1']);
  });
});

describe('the handlers of a node', () => {
  test('are told of by service: with the first, and with the last gone', () => {
    handle(1);
    handle(2);
    handle(3, { service: '' });
    unhandle(1);
    unhandle(1);
    unhandle(2);
    const told = context
      .take()
      .flatMap((output) =>
        output.type === 'service/added' || output.type === 'service/removed'
          ? [[output.type, output.service]]
          : [],
      );
    expect(told).toEqual([
      ['service/added', service],
      ['service/added', ''],
      ['service/removed', service],
    ]);
    expect(state.names).toEqual(['']);
  });

  test('are 16,384 at most', () => {
    for (let ref = 1; ref <= MAX_REGISTRATIONS; ref += 1) handle(ref);
    context.take();
    handle(100_000);
    expect(context.takeOf('fail')).toMatchObject([{ error: { code: 'busy' } }]);
  });

  test('leave nothing behind, whatever happens in which order', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      start();
      const { random } = new FakeContext(seed);
      const refs = new Set<number>();
      const open = new Set<number>();
      let next = 0;
      const one = (set: Set<number>) => [...set][Math.floor(random() * set.size)] as number;
      const forget = () => {
        for (const output of context.take()) if (output.type === 'request/refuse') open.delete(output.key);
      };
      for (let i = 0; i < 400; i += 1) {
        const what = random();
        next += 1;
        if (what < 0.15) {
          refs.add(next);
          handle(next, { concurrency: 1 + Math.floor(random() * 3) });
        } else if (what < 0.25 && refs.size > 0) {
          const ref = one(refs);
          refs.delete(ref);
          unhandle(ref);
        } else if (what < 0.65) {
          open.add(next);
          ask(next);
        } else if (open.size > 0) {
          const key = one(open);
          open.delete(key);
          // One that waits can only be cancelled.
          if (random() < 0.5 && !waiting().includes(key)) answer(key);
          else step({ type: 'request/abort', key, reason: '' });
        }
        forget();
        // Nobody waits while a handler is free.
        const [info] = list();
        const spare = members().some(([, inHand, concurrency]) => inHand < concurrency);
        expect(info?.waiting ?? 0, `seed ${seed}, step ${i}`).toBe(spare ? 0 : waiting().length);
      }
      for (const key of open) step({ type: 'request/abort', key, reason: '' });
      for (const ref of refs) unhandle(ref);
      expect(state.snapshot(), `seed ${seed}`).toEqual({ rules: [], services: [] });
    }
  });

  type Snapshot = { services: [string, [number, number, number][], number[], number][] };
  const waiting = () => (state.snapshot() as Snapshot).services.flatMap(([, , keys]) => keys);
  const members = () => (state.snapshot() as Snapshot).services.flatMap(([, each]) => each);
});
