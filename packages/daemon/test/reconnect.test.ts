import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { ConnectionEvent, ConnectOptions, SocketClient } from '@peerd/client';
import { type BroadcastMessage, PeerdError, type Subscription } from '@peerd/protocol';
import {
  decodeClientFrame,
  encodeServerFrame,
  FrameDecoder,
  frameHeader,
  type ServerBody,
} from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { seededRandom } from '../../core/src/server/random.ts';
import { type FakeDaemon, fakePair, serveNode } from './control-pair.ts';
import { SocketProxy } from './socket-proxy.ts';

const nothing = new Uint8Array();
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: PeerdError) => error.code,
  );
const textOf = ({ payload }: BroadcastMessage) => Buffer.from(payload).toString();

async function next(subscription: Subscription): Promise<BroadcastMessage> {
  return (await subscription[Symbol.asyncIterator]().next()).value;
}

const stopped = new PeerdError('stopped', 'the daemon was stopped');

describe('a client whose connection', () => {
  let a: FakeDaemon;
  let b: FakeDaemon;
  let proxy: SocketProxy;
  let asking: SocketClient;
  let client: SocketClient;
  let events: ConnectionEvent[];
  let waiting: (() => void)[];
  const closers: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    ({ a, b } = await fakePair());
    proxy = await SocketProxy.before(b.socket);
    asking = await a.connect();
    client = await connected();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all([client.close(), asking.close(), ...closers.splice(0).map((close) => close())]);
    await proxy.cut();
    await Promise.all([a.close(), b.close()]);
  });

  async function connected(options: ConnectOptions = {}): Promise<SocketClient> {
    events = [];
    waiting = [];
    return await b.connect({
      socket: proxy.path,
      reconnect: { firstDelayMs: 1, maxDelayMs: 20 },
      onConnection: (event) => {
        events.push(event);
        for (const tell of waiting.splice(0)) tell();
      },
      ...options,
    });
  }

  async function event<Type extends ConnectionEvent['type']>(
    type: Type,
  ): Promise<Extract<ConnectionEvent, { type: Type }>> {
    for (;;) {
      const found = events.findIndex((each) => each.type === type);
      if (found >= 0) return events.splice(found, 1)[0] as Extract<ConnectionEvent, { type: Type }>;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  /** Breaks the connection, and waits until both sides know. */
  async function cut(): Promise<void> {
    const others = b.server.clients - 1;
    await proxy.cut();
    await Promise.all([event('lost'), expect.poll(() => b.server.clients).toBe(others)]);
  }

  async function cutAndRestore() {
    await cut();
    await proxy.open();
    return await event('restored');
  }

  describe('is cut while the daemon lives', () => {
    test('answers again, with the same handlers', async () => {
      await client.handle('upper', ({ payload }) =>
        Buffer.from(Buffer.from(payload).toString().toUpperCase()),
      );
      await cut();
      expect(await code(asking.request('bob', nothing, { service: 'upper' }))).toBe('no-handler');
      await proxy.open();
      const { attempts, awayMs, daemon, notRestored } = await event('restored');
      expect(attempts).toBeGreaterThanOrEqual(1);
      expect(awayMs).toBeGreaterThan(0);
      expect(notRestored).toEqual([]);
      expect(daemon).toEqual(client.daemon);
      const answer = await asking.request('bob', Buffer.from('hello'), { service: 'upper' });
      expect(Buffer.from(answer).toString()).toBe('HELLO');
    });

    test('is told how many messages it missed, exactly, and its iteration goes on', async () => {
      const subscription = await client.subscribe('news');
      await a.node.broadcast('news', Buffer.from('before'));
      expect(textOf(await next(subscription))).toBe('before');
      await cut();
      for (let count = 0; count < 7; count += 1) await a.node.broadcast('news', nothing);
      await proxy.open();
      expect((await event('restored')).missed).toBe(7);
      // Before anybody reads.
      await a.node.broadcast('news', Buffer.from('after'));
      await a.node.broadcast('news', Buffer.from('and after'));
      const first = await next(subscription);
      expect([textOf(first), first.missed]).toEqual(['after', 7]);
      const second = await next(subscription);
      expect([textOf(second), second.missed]).toEqual(['and after', 0]);
    });

    test('counts anew after every cut', async () => {
      await using subscription = await client.subscribe('news');
      for (const missed of [1, 0, 3]) {
        await cut();
        for (let count = 0; count < missed; count += 1) await a.node.broadcast('news', nothing);
        await proxy.open();
        expect((await event('restored')).missed).toBe(missed);
        await a.node.broadcast('news', nothing);
        expect((await next(subscription)).missed).toBe(missed);
      }
    });

    test('keeps what its reader had not read', async () => {
      const subscription = await client.subscribe('news');
      await a.node.broadcast('news', Buffer.from('one'));
      await a.node.broadcast('news', Buffer.from('two'));
      await client.status();
      expect((await cutAndRestore()).missed).toBe(0);
      await a.node.broadcast('news', Buffer.from('three'));
      const heard = [await next(subscription), await next(subscription), await next(subscription)];
      expect(heard.map(textOf)).toEqual(['one', 'two', 'three']);
      expect(heard.map(({ missed }) => missed)).toEqual([0, 0, 0]);
    });

    test('is not given back what was closed meanwhile', async () => {
      const registration = await client.handle('', () => nothing);
      const subscription = await client.subscribe('news');
      await cut();
      await registration.close();
      await subscription.close();
      await proxy.open();
      await event('restored');
      expect(b.node.handlers.size).toBe(0);
      expect((await client.status()).services).toEqual([]);
    });

    test('is told what was in flight, and what becomes of it', async () => {
      let asked = 0;
      const both = Promise.withResolvers<void>();
      await a.node.handle('slow', async () => {
        asked += 1;
        if (asked === 2) both.resolve();
        return asked > 2 ? Buffer.from('at last') : await new Promise<Uint8Array>(() => {});
      });
      const inHand = Promise.withResolvers<AbortSignal>();
      await client.handle('stuck', async ({ signal }) => {
        inHand.resolve(signal);
        return await new Promise<Uint8Array>(() => {});
      });
      const inbound = code(asking.request('bob', nothing, { service: 'stuck' }));
      const signal = await inHand.promise;
      const once = code(client.request('alice', nothing, { service: 'slow' }));
      const paths: unknown[] = [];
      const onPath = (path: unknown) => paths.push(path);
      const again = client.request('alice', nothing, { service: 'slow', idempotent: true, onPath });
      await both.promise;
      await proxy.cut();
      const { error, inFlight, inFlightCount } = await event('lost');
      expect(error.code).toBe('daemon-unavailable');
      expect(inFlightCount).toBe(3);
      expect(inFlight).toEqual([
        { kind: 'request', peer: 'alice', service: 'slow', again: false },
        { kind: 'request', peer: 'alice', service: 'slow', again: true },
        { kind: 'handler', peer: a.node.id, service: 'stuck', again: false },
      ]);
      expect(await once).toBe('disconnected');
      expect(await inbound).toBe('disconnected');
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toMatchObject({ code: 'disconnected' });
      await proxy.open();
      expect(Buffer.from(await again).toString()).toBe('at last');
      expect(paths).toEqual([[{ peer: a.node.id, name: 'alice' }]]);
      expect(asked).toBe(3);
    });

    test('lists a hundred calls of those in flight, and counts all', async () => {
      await a.node.handle('stuck', () => new Promise<Uint8Array>(() => {}));
      const calls = Array.from({ length: 250 }, () =>
        code(client.request('alice', nothing, { service: 'stuck' })),
      );
      await client.status();
      await proxy.cut();
      const { inFlight, inFlightCount } = await event('lost');
      expect([inFlight.length, inFlightCount]).toEqual([100, 250]);
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['disconnected']));
    });

    test('ends a stream of answers with disconnected, after those that came', async () => {
      await a.node.handle('stream', async function* ({ signal }) {
        yield Buffer.from('one');
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      });
      const answers = client
        .requestStream('alice', nothing, { service: 'stream', idempotent: true })
        [Symbol.asyncIterator]();
      expect(Buffer.from((await answers.next()).value ?? nothing).toString()).toBe('one');
      const rest = code(answers.next());
      await cut();
      expect(await rest).toBe('disconnected');
    });
  });

  const seed = Math.floor(Math.random() * 2 ** 31);
  test(`breaks again and again loses no count of what it missed (seed ${seed})`, async () => {
    const random = seededRandom([seed, 1, 1, 1]);
    const subscription = await client.subscribe('news', { maxQueued: 5 });
    let [heard, missed, sent] = [0, 0, 0];
    const reading = (async () => {
      for await (const message of subscription) {
        heard += 1;
        missed += message.missed ?? Number.NaN;
        if (textOf(message) === 'last') return;
        // At times it falls behind.
        if (random() < 0.1) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const tell = async (text: string) => {
      sent += 1;
      await a.node.broadcast('news', Buffer.from(text));
    };
    for (let step = 0; step < 400; step += 1) {
      const choice = random();
      if (choice < 0.05) await proxy.cut();
      else if (choice < 0.1) await proxy.open();
      else if (choice < 0.3) await new Promise((resolve) => setTimeout(resolve, 3 * random()));
      else await tell(`${step}`);
    }
    await proxy.open();
    await client.status();
    await tell('last');
    await reading;
    expect(heard + missed).toBe(sent);
  });

  describe('is lost for a while', () => {
    test('has its calls wait for the next, and be made then', async () => {
      await a.node.handle('echo', ({ payload }) => payload);
      await cut();
      const calls = [
        client.request('alice', Buffer.from('hello'), { service: 'echo' }),
        client.status().then(({ name }) => Buffer.from(name)),
        client.ping('alice').then(({ peer }) => Buffer.from(peer)),
      ];
      const handling = client.handle('late', () => nothing);
      const subscribing = client.subscribe('late');
      await proxy.open();
      const answers = await Promise.all(calls);
      expect(answers.map((answer) => Buffer.from(answer).toString())).toEqual(['hello', 'bob', a.node.id]);
      await Promise.all([handling, subscribing]);
      expect(await client.status()).toMatchObject({ services: ['late'], topics: ['late'] });
    });

    test('has a trace that was under way asked again', async () => {
      const asked = Promise.withResolvers<void>();
      const whole = b.node.trace.bind(b.node);
      b.node.trace = (_, { signal } = {}) => {
        b.node.trace = whole;
        asked.resolve();
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      };
      const tracing = client.trace('alice');
      await asked.promise;
      await proxy.cut();
      expect((await event('lost')).inFlight).toEqual([{ kind: 'trace', peer: 'alice', again: true }]);
      await proxy.open();
      expect(await tracing).toEqual(await asking.trace('alice'));
    });

    test('has its calls end in their own time when it does not come back', async () => {
      await cut();
      const timeoutMs = 20;
      expect(await code(client.request('alice', nothing, { timeoutMs }))).toBe('daemon-unavailable');
      expect(await code(client.broadcast('news', nothing, { timeoutMs }))).toBe('daemon-unavailable');
      expect(await code(client.ping('alice', { timeoutMs }))).toBe('daemon-unavailable');
      const answers = client.requestStream('alice', nothing, { timeoutMs })[Symbol.asyncIterator]();
      expect(await code(answers.next())).toBe('daemon-unavailable');
    });

    test('lets a call that was sent end with disconnected when it can not be sent again in time', async () => {
      const asked = Promise.withResolvers<void>();
      await a.node.handle('stuck', () => {
        asked.resolve();
        return new Promise<Uint8Array>(() => {});
      });
      const options = { service: 'stuck', idempotent: true, timeoutMs: 300 };
      const call = code(client.request('alice', nothing, options));
      await asked.promise;
      await cut();
      expect(await call).toBe('disconnected');
    });

    test('lets what waits be called off by its signal', async () => {
      await cut();
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new Error('changed my mind');
      const waits = [
        client.request('alice', nothing, { signal }),
        client.requestStream('alice', nothing, { signal })[Symbol.asyncIterator]().next(),
        client.broadcast('news', nothing, { signal }),
        client.ping('alice', { signal }),
        client.status({ signal }),
        client.ticket({ signal }),
        client.reload({ signal }),
        client.stop({ signal }),
        client.handle('late', () => nothing, { signal }),
        client.subscribe('news', { signal }),
      ].map((each) => each.then(() => 'resolved').catch((error: unknown) => error));
      controller.abort(reason);
      expect(await Promise.all(waits)).toEqual(waits.map(() => reason));
    });

    test.each([
      ['8,192 calls', 8_192, 0],
      ['64 MiB', 64, 1024 * 1024],
    ])('keeps %s and answers busy past that', async (_, count, size) => {
      await cut();
      const payload = new Uint8Array(size);
      const calls = Array.from({ length: count }, () => code(client.request('alice', payload)));
      expect(await code(client.request('alice', Buffer.from('x')))).toBe('busy');
      await client.close();
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['stopped']));
    });

    test('can be closed, which ends all of it at once', async () => {
      const subscription = await client.subscribe('news');
      const reading = code(next(subscription));
      await client.handle('', () => nothing);
      await cut();
      const waits = [client.request('alice', nothing), client.status(), client.subscribe('late')].map(code);
      await client.close();
      expect(await Promise.all(waits)).toEqual(waits.map(() => 'stopped'));
      // What it iterates ends without an error: closing was its own wish.
      expect(await reading).toBe('resolved');
      expect((await client.closed).code).toBe('stopped');
      expect(await code(client.status())).toBe('stopped');
    });

    test('gives up when it was told how long to try', async () => {
      await client.close();
      client = await connected({ reconnect: { firstDelayMs: 1, maxDelayMs: 5, giveUpMs: 30 } });
      const subscription = await client.subscribe('news');
      await cut();
      const reading = code(next(subscription));
      expect((await client.closed).code).toBe('daemon-unavailable');
      expect(await reading).toBe('daemon-unavailable');
    });

    test('survives a listener that throws', async () => {
      await client.close();
      const lost = Promise.withResolvers<void>();
      const restored = Promise.withResolvers<void>();
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      client = await connected({
        onConnection: ({ type }) => {
          (type === 'lost' ? lost : restored).resolve();
          throw new Error('a listener of this test');
        },
      });
      await proxy.cut();
      await lost.promise;
      await proxy.open();
      await restored.promise;
      expect(warned).toHaveBeenCalledTimes(2);
      expect(warned).toHaveBeenCalledWith(expect.stringContaining('a listener of this test'));
      warned.mockRestore();
      expect((await client.status()).name).toBe('bob');
    });
  });

  describe('ends because the daemon is restarted', () => {
    test('goes on with the next one, and knows that it does not know what it missed', async () => {
      const subscription = await client.subscribe('news');
      await client.handle('', () => Buffer.from('here'));
      await b.server.close(stopped);
      expect((await event('lost')).error.code).toBe('stopped');
      const server = await serveNode(b.node, b.node, b);
      closers.push(server.close);
      const { daemon, missed } = await event('restored');
      expect(missed).toBeUndefined();
      expect(client.daemon).toEqual(daemon);
      await a.node.broadcast('news', Buffer.from('after'));
      const message = await next(subscription);
      expect([textOf(message), message.missed]).toEqual(['after', undefined]);
      await a.node.broadcast('news', Buffer.from('and after'));
      expect((await next(subscription)).missed).toBe(0);
      expect(Buffer.from(await asking.request('bob', nothing)).toString()).toBe('here');
    });

    test('ends for good when it asked for that', async () => {
      await client.stop();
      await b.stopAsked;
      await b.server.close(stopped);
      expect((await client.closed).code).toBe('stopped');
    });

    test('ends for good when another daemon is at the socket', async () => {
      const subscription = await client.subscribe('news');
      await b.server.close(stopped);
      await event('lost');
      const waits = code(client.status());
      const server = await serveNode(a.node, a.node, b);
      closers.push(server.close);
      const reason = await client.closed;
      expect(reason.code).toBe('incompatible');
      expect(reason.message).toContain(a.node.id);
      expect(await waits).toBe('incompatible');
      expect(await code(next(subscription))).toBe('incompatible');
      expect(a.node.listeners.size).toBe(0);
    });

    test('ends for good when what is at the socket is no daemon', async () => {
      await b.server.close(stopped);
      await event('lost');
      const stranger = createServer((socket) => {
        socket.on('error', () => {});
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      }).listen(b.socket);
      closers.push(async () => void stranger.close());
      expect((await client.closed).code).toBe('incompatible');
    });

    test('leaves one that greets and then says nothing, and tries again', async () => {
      const subscription = await client.subscribe('news');
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      await b.server.close(stopped);
      await event('lost');
      const welcome: ServerBody = {
        case: 'welcome',
        value: { version: 1, versions: [1], daemonVersion: '1', id: b.node.id, name: 'bob' },
      };
      let asked: Socket | undefined;
      const mute = createServer((socket) => {
        socket.on('error', () => {});
        const decoder = new FrameDecoder();
        socket.on('data', (chunk: Uint8Array) =>
          decoder.push(chunk, (bytes, start, end) => {
            const { body } = decodeClientFrame(bytes, start, end);
            if (body.case === 'subscribe') asked = socket;
            if (body.case !== 'hello') return;
            const frame = encodeServerFrame(0, welcome);
            socket.write(Buffer.concat([frameHeader(frame), frame]));
          }),
        );
      }).listen(b.socket);
      for (; asked === undefined; await new Promise(setImmediate)) await vi.advanceTimersByTimeAsync(1);
      const waits = code(client.status());
      await vi.advanceTimersByTimeAsync(10_000);
      vi.useRealTimers();
      expect(await waits).toBe('daemon-unavailable');
      if (!asked.destroyed) await once(asked, 'close');
      await new Promise((resolve) => mute.close(resolve));
      const server = await serveNode(b.node, b.node, b);
      closers.push(server.close);
      await event('restored');
      await a.node.broadcast('news', Buffer.from('after'));
      expect(textOf(await next(subscription))).toBe('after');
    });

    test('has its handlers again from one that has no room for them at first', async () => {
      await client.handle('wanted', ({ payload }) => payload);
      await b.server.close(stopped);
      await event('lost');
      const { serve } = b.node;
      let refusals = 0;
      b.node.serve = async () => {
        refusals += 1;
        if (refusals > 2) b.node.serve = serve;
        throw new PeerdError('busy', 'a moment');
      };
      const server = await serveNode(b.node, b.node, b);
      closers.push(server.close);
      expect((await event('restored')).notRestored).toEqual([]);
      expect(refusals).toBe(3);
      expect(await asking.request('bob', Buffer.from('back'), { service: 'wanted' })).toEqual(
        Buffer.from('back'),
      );
    });

    test('is told of what the next one does not take', async () => {
      await client.handle('wanted', () => nothing);
      const subscription = await client.subscribe('news');
      await b.server.close(stopped);
      await event('lost');
      const refuse = async () => {
        throw new PeerdError('forbidden', 'not here');
      };
      b.node.serve = refuse;
      const server = await serveNode(b.node, b.node, b);
      closers.push(server.close);
      const { notRestored } = await event('restored');
      expect(notRestored).toMatchObject([
        { kind: 'registration', service: 'wanted', error: { code: 'forbidden' } },
      ]);
      await a.node.broadcast('news', Buffer.from('the rest goes on'));
      expect(textOf(await next(subscription))).toBe('the rest goes on');
    });
  });

  test('is none yet waits for a daemon as long as it is told', async () => {
    await proxy.cut();
    await event('lost');
    expect(await code(connected())).toBe('daemon-unavailable');
    const waits = connected({ waitMs: 60_000 });
    await proxy.open();
    closers.push(() => late.close());
    const late = await waits;
    expect(late.daemon.name).toBe('bob');
  });

  test('is none yet gives up when its time is over, or its signal says so', async () => {
    await proxy.cut();
    expect(await code(connected({ waitMs: 30 }))).toBe('daemon-unavailable');
    const controller = new AbortController();
    const reason = new Error('enough');
    const waits = connected({ waitMs: Number.POSITIVE_INFINITY, signal: controller.signal });
    const outcome = waits.catch((error: unknown) => error);
    controller.abort(reason);
    expect(await outcome).toBe(reason);
  });
});
