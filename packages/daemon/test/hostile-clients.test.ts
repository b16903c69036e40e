import { once } from 'node:events';
import {
  type ClientBody,
  frameHeader,
  helloTimeoutMs,
  maxUnsentBytes,
  streamWindow,
  unreadTimeoutMs,
} from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLog } from '../../core/src/log.ts';
import { type FakeDaemon, fakePair } from './control-pair.ts';
import { bytesOf, RawClient } from './raw-client.ts';

const MiB = 1024 * 1024;
const hello: ClientBody = { case: 'hello', value: { versions: [1], program: 'test' } };

function fault(code: string) {
  return expect.objectContaining({
    body: expect.objectContaining({ case: 'fault', value: expect.objectContaining({ code }) }),
  });
}

describe('the control server and clients that do not behave', () => {
  let a: FakeDaemon;
  let b: FakeDaemon;
  beforeEach(async () => {
    ({ a, b } = await fakePair());
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all([a.close(), b.close()]);
  });

  /** A client that behaves still gets its answers. */
  async function othersAreWell() {
    await using client = await a.connect();
    expect((await client.status()).id).toBe(a.node.id);
  }

  /** Bob answers so many requests for 1 MiB all at once, when `answer` is called; `asked` is when all have come. */
  async function answerTogether(calls: number): Promise<{ asked: Promise<void>; answer: () => void }> {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let count = 0;
    await b.node.handle('large', async () => {
      count += 1;
      if (count === calls) asked.resolve();
      await answer.promise;
      return new Uint8Array(MiB);
    });
    return { asked: asked.promise, answer: answer.resolve };
  }

  test.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a length of 4 GiB', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a frame that is no message', Buffer.concat([frameHeader(Buffer.from([0xff])), Buffer.from([0xff])])],
    ['a command before the hello', bytesOf(1, { case: 'status', value: {} })],
    ['a call id twice', Buffer.concat([bytesOf(0, hello), callTwice()])],
    ['the reserved call id', Buffer.concat([bytesOf(0, hello), bytesOf(0, { case: 'status', value: {} })])],
  ])('%s ends that connection with a reason, and no other', async (_, bytes) => {
    const client = await RawClient.connect(a.socket);
    client.read();
    client.socket.write(bytes);
    let last: unknown;
    for (let frame = await client.next(); frame !== undefined; frame = await client.next()) last = frame;
    expect(last).toEqual(fault('invalid'));
    await othersAreWell();
  });

  function callTwice() {
    const stuck = bytesOf(5, { case: 'handle', value: { service: 'x' } });
    return Buffer.concat([stuck, stuck]);
  }

  test('a command from the future fails by itself, the connection goes on', async () => {
    const client = await RawClient.greeted(a.socket);
    // Field 99, of a message that this daemon has never heard of.
    const frame = Buffer.from([0x08, 0x07, 0x9a, 0x06, 0x00]);
    client.socket.write(Buffer.concat([frameHeader(frame), frame]));
    expect(await client.next()).toEqual(fault('invalid'));
    client.send(8, { case: 'status', value: {} });
    expect(await client.next()).toMatchObject({ call: 8, body: { case: 'status' } });
    client.socket.destroy();
  });

  test('a client without a common version is told the versions, then disconnected', async () => {
    const client = await RawClient.connect(a.socket);
    client.read();
    client.send(0, { case: 'hello', value: { versions: [77], program: 'from the future' } });
    expect(await client.next()).toMatchObject({
      body: { case: 'welcome', value: { version: 0, versions: [1], id: a.node.id } },
    });
    expect(await client.next()).toBeUndefined();
  });

  test('a client that says nothing is disconnected after the time for a hello', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = await RawClient.connect(a.socket);
    client.read();
    // Its first bytes are not enough.
    client.socket.write(Buffer.from([1, 0]));
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(helloTimeoutMs);
    expect(await client.next()).toEqual(fault('timeout'));
    expect(await client.next()).toBeUndefined();
  });

  test('frames that come a byte at a time are understood', async () => {
    const client = await RawClient.connect(a.socket);
    client.read();
    const bytes = Buffer.concat([bytesOf(0, hello), bytesOf(1, { case: 'status', value: {} })]);
    for (const byte of bytes) {
      client.socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    expect(await client.next()).toMatchObject({ body: { case: 'welcome' } });
    expect(await client.next()).toMatchObject({ call: 1, body: { case: 'status' } });
    client.socket.destroy();
  });

  test('what is no frame is answered with the reason also to one that goes on writing before it reads', async () => {
    const warned = vi.spyOn(silentLog, 'warn');
    const client = await RawClient.connect(a.socket);
    client.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    while (warned.mock.calls.length === 0) await new Promise(setImmediate);
    warned.mockRestore();
    for (let turns = 0; turns < 10; turns += 1) await new Promise(setImmediate);
    const failed = await new Promise((resolve) => client.socket.write(new Uint8Array(4 * MiB), resolve));
    expect(failed).toBeFalsy();
    client.read();
    expect(await client.next()).toEqual(fault('invalid'));
    expect(await client.next()).toBeUndefined();
  });

  test('a client that never reads gets busy past the bound, and is disconnected after a while, its calls cancelled', async () => {
    const warned = vi.spyOn(silentLog, 'warn');
    const calls = maxUnsentBytes / MiB + 8;
    const { asked, answer } = await answerTogether(calls);
    const cancelled = Promise.withResolvers<void>();
    await b.node.handle('stuck', async ({ signal }) => {
      signal.addEventListener('abort', () => cancelled.resolve());
      return await new Promise<Uint8Array>(() => {});
    });
    const client = await RawClient.connect(a.socket);
    client.socket.pause();
    client.send(0, hello);
    const request = { peer: 'bob', payload: new Uint8Array() };
    client.send(1, { case: 'request', value: { ...request, service: 'stuck' } });
    for (let call = 2; call < calls + 2; call += 1)
      client.send(call, { case: 'request', value: { ...request, service: 'large' } });
    await asked;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    answer();
    // What watches whether it reads begins with the first answer that has no room.
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
    expect(warned).not.toHaveBeenCalled();
    vi.advanceTimersByTime(unreadTimeoutMs);
    vi.useRealTimers();
    await cancelled.promise;
    await othersAreWell();
    expect(warned.mock.calls).toEqual([[expect.stringContaining('reads nothing')]]);
    warned.mockRestore();
    client.socket.destroy();
  });

  test('a client that is busy for a moment keeps its connection: what has no room is busy, the rest is answered', async () => {
    const calls = maxUnsentBytes / MiB + 40;
    const { asked, answer } = await answerTogether(calls);
    const client = await RawClient.connect(a.socket);
    client.socket.pause();
    client.send(0, hello);
    for (let call = 1; call <= calls; call += 1)
      client.send(call, {
        case: 'request',
        value: { peer: 'bob', payload: new Uint8Array(), service: 'large' },
      });
    await asked;
    answer();
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    client.read();
    client.socket.resume();
    const outcomes: string[] = [];
    while (outcomes.length < calls) {
      const body = (await client.next())?.body;
      if (body === undefined) break;
      if (body.case === 'answer') outcomes.push('answer');
      else if (body.case === 'fault') outcomes.push(body.value.code);
    }
    expect(new Set(outcomes)).toEqual(new Set(['answer', 'busy']));
    expect(outcomes.filter((outcome) => outcome === 'answer').length).toBeGreaterThan(32);
    client.socket.destroy();
  });

  test('a handler that streams past its window is disconnected, and its caller is not left waiting', async () => {
    const handler = await RawClient.greeted(b.socket);
    handler.send(1, { case: 'handle', value: { service: 'flood' } });
    await handler.next();
    const answers = a.node.requestStream('bob', new Uint8Array(), { service: 'flood' });
    const first = answers.next();
    const inbound = await handler.next();
    const size = 64 * 1024;
    const answer: ClientBody = { case: 'answer', value: { payload: new Uint8Array(size) } };
    // One that is taken, a window of them and one more: that is the most a sender may have under way.
    for (let sent = 0; sent <= streamWindow / size; sent += 1) handler.send(inbound?.call ?? 0, answer);
    expect((await first).value?.length).toBe(size);
    handler.send(2, { case: 'status', value: {} });
    expect(await handler.next()).toMatchObject({ call: 2, body: { case: 'status' } });
    for (let sent = 0; sent < 2; sent += 1) handler.send(inbound?.call ?? 0, answer);
    expect(await handler.next()).toEqual(fault('invalid'));
    expect(await handler.next()).toBeUndefined();
    const rest = async () => {
      for await (const each of answers) expect(each.length).toBe(size);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'internal' });
  });

  test('a client that dies with 1,000 calls open leaves none of them running', async () => {
    let running = 0;
    const all = Promise.withResolvers<void>();
    const none = Promise.withResolvers<void>();
    await b.node.handle('stuck', async ({ signal }) => {
      running += 1;
      if (running === 1_000) all.resolve();
      signal.addEventListener('abort', () => {
        running -= 1;
        if (running === 0) none.resolve();
      });
      return await new Promise<Uint8Array>(() => {});
    });
    const client = await RawClient.greeted(a.socket);
    for (let call = 1; call <= 1_000; call += 1)
      client.send(call, {
        case: 'request',
        value: { peer: 'bob', service: 'stuck', payload: new Uint8Array() },
      });
    await all.promise;
    client.socket.destroy();
    await none.promise;
    await othersAreWell();
  });

  test('a hundred clients are served at once', async () => {
    await b.node.handle('echo', ({ payload }) => payload);
    const clients = await Promise.all(Array.from({ length: 100 }, () => a.connect()));
    const answers = await Promise.all(
      clients.map((client, index) => client.request('bob', Buffer.from(`${index}`), { service: 'echo' })),
    );
    expect(answers.map((each) => Buffer.from(each).toString())).toEqual(
      clients.map((_, index) => `${index}`),
    );
    await Promise.all(clients.map((client) => client.close()));
  });

  test('a subscriber that does not read is told what it missed when it reads again', async () => {
    const client = await RawClient.greeted(b.socket);
    client.send(1, { case: 'subscribe', value: { topics: ['flood'], maxQueued: 4 } });
    expect(await client.next()).toMatchObject({ call: 1, body: { case: 'done' } });
    client.socket.pause();
    const payload = new Uint8Array(1024 * 1024);
    const count = 64;
    for (let index = 0; index < count; index += 1) {
      await a.node.broadcast('flood', payload);
      await new Promise(setImmediate);
    }
    client.socket.resume();
    let heard = 0;
    let missed = 0;
    while (heard + missed < count) {
      const frame = await client.next();
      if (frame?.body.case !== 'message') break;
      heard += 1;
      missed += frame.body.value.missed;
    }
    expect(heard + missed).toBe(count);
    expect(missed).toBeGreaterThan(0);
    client.socket.end();
    await once(client.socket, 'close');
  });
});
