import process from 'node:process';
import { connect, type SocketClient } from '@peerd/client';
import type { PeerdError } from '@peerd/protocol';
import { maxUnsentBytes, streamWindow } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DaemonStub } from './daemon-stub.ts';

const nothing = new Uint8Array();
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: PeerdError) => error.code,
  );

describe('a client whose daemon', () => {
  let daemon: DaemonStub;
  beforeEach(async () => {
    daemon = await DaemonStub.listen();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await daemon.close();
  });

  async function connected(): Promise<SocketClient> {
    const [client] = await Promise.all([
      connect({ socket: daemon.path, reconnect: false }),
      daemon.welcome(),
    ]);
    return client;
  }

  test('speaks other versions says which, and which it speaks itself', async () => {
    const attempt = connect({ socket: daemon.path });
    await daemon.welcome([7, 8]);
    await expect(attempt).rejects.toMatchObject({
      code: 'incompatible',
      message: expect.stringMatching(/peerd 9\.9\.9.*versions 7, 8 .*this client 1:/),
    });
  });

  test('turns it away gives the reason it was given', async () => {
    const attempt = connect({ socket: daemon.path });
    await daemon.send(0, { case: 'fault', value: { code: 'stopped', message: 'closing time' } });
    await expect(attempt).rejects.toMatchObject({ code: 'stopped', message: 'closing time' });
  });

  test.each([
    [{ program: 'weather' }, 'weather'],
    [{}, process.argv[1]],
  ])('is told what the program is called: %j', async (options, expected) => {
    const attempt = connect({ socket: daemon.path, ...options });
    expect((await daemon.next()).body).toMatchObject({ case: 'hello', value: { program: expected } });
    await daemon.send(0, { case: 'fault', value: { code: 'stopped', message: 'closing time' } });
    await expect(attempt).rejects.toThrow('closing time');
  });

  test('tells a path and then fails the call has told of none', async () => {
    const client = await connected();
    let told = 0;
    const onPath = () => {
      told += 1;
    };
    const call = code(client.request('bob', nothing, { onPath }));
    const { call: id, body } = await daemon.next();
    expect(body).toMatchObject({ case: 'request', value: { wantPath: true } });
    await daemon.send(id, { case: 'path', value: { peers: [{ peer: 'bob' }] } });
    await daemon.send(id, { case: 'fault', value: { code: 'busy', message: 'no room' } });
    expect(await call).toBe('busy');
    expect(told).toBe(0);
    await client.close();
  });

  test('does not greet gives up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const attempt = connect({ socket: daemon.path }).catch((error: unknown) => error);
    await daemon.next();
    await vi.runAllTimersAsync();
    expect(await attempt).toMatchObject({
      code: 'daemon-unavailable',
      message: expect.stringMatching(
        `^the daemon at ${daemon.path} is there, but it did not greet in 5000 ms: it is stuck, or stopped`,
      ),
    });
  });

  test('dies settles all that was open', async () => {
    const client = await connected();
    const subscribing = client.subscribe('news');
    const { call } = await daemon.next();
    await daemon.send(call, { case: 'done', value: {} });
    const subscription = await subscribing;
    const open = [
      client.request('bob', nothing),
      client.status(),
      client.handle('', () => nothing),
      client.requestStream('bob', nothing)[Symbol.asyncIterator]().next(),
      subscription[Symbol.asyncIterator]().next(),
    ].map(code);
    (await daemon.socket).destroy();
    const outcomes = [...open.slice(1).map(() => 'disconnected'), 'daemon-unavailable'];
    expect(await Promise.all(open)).toEqual(outcomes);
    expect((await client.closed).code).toBe('daemon-unavailable');
    expect(await code(client.status())).toBe('daemon-unavailable');
    await subscription.close();
    await client.close();
  });

  test('is stuck gives up a little after the time of the call, and tells it so', async () => {
    const client = await connected();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const call = code(client.request('bob', nothing, { timeoutMs: 1_000 }));
    const stream = code(
      client.requestStream('bob', nothing, { timeoutMs: 1_000 })[Symbol.asyncIterator]().next(),
    );
    const first = await daemon.next();
    await daemon.next();
    vi.advanceTimersByTime(1_000);
    vi.advanceTimersByTime(2_000);
    expect(await Promise.all([call, stream])).toEqual(['timeout', 'timeout']);
    expect(await daemon.next()).toMatchObject({ call: first.call, body: { case: 'cancel' } });
  });

  test('reads nothing answers busy past the bound, and keeps what was asked before', async () => {
    const client = await connected();
    (await daemon.socket).pause();
    const payload = new Uint8Array(8 * 1024 * 1024);
    const calls = Array.from({ length: maxUnsentBytes / payload.length + 2 }, () =>
      code(client.request('bob', payload)),
    );
    expect(await calls.at(-1)).toBe('busy');
    expect(await Promise.race([calls[0], Promise.resolve('open')])).toBe('open');
    (await daemon.socket).destroy();
    expect(await calls[0]).toBe('disconnected');
  });

  test('sends what is not the protocol ends, with that as the reason', async () => {
    const client = await connected();
    const call = code(client.status());
    (await daemon.socket).write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect(await call).toBe('invalid');
  });

  test('answers with something else fails that call only', async () => {
    const client = await connected();
    const call = code(client.status());
    await daemon.send((await daemon.next()).call, { case: 'pong', value: { peer: 'bob', rttMs: 1 } });
    expect(await call).toBe('internal');
    const next = client.ping('bob');
    await daemon.send((await daemon.next()).call, { case: 'pong', value: { peer: 'bob', rttMs: 1 } });
    expect(await next).toEqual({ peer: 'bob', rttMs: 1, routed: false });
  });

  test('sends more answers than the window admits fails that stream, and loses none in silence', async () => {
    const client = await connected();
    const answers = client.requestStream('bob', nothing)[Symbol.asyncIterator]();
    const first = answers.next();
    const { call } = await daemon.next();
    const payload = new Uint8Array(streamWindow);
    for (let i = 0; i < 3; i += 1) await daemon.send(call, { case: 'answer', value: { payload } });
    expect((await first).value).toHaveLength(streamWindow);
    let said = await daemon.next();
    while (said.body.case === 'took') said = await daemon.next();
    expect(said).toMatchObject({ call, body: { case: 'cancel' } });
    const others = (async () => {
      while (!(await answers.next()).done);
    })();
    expect(await code(others)).toBe('internal');
  });

  test('answers a call that was cancelled is not confused', async () => {
    const client = await connected();
    const controller = new AbortController();
    const call = client
      .request('bob', nothing, { signal: controller.signal })
      .catch((error: unknown) => error);
    const asked = await daemon.next();
    const reason = new Error('never mind');
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(await daemon.next()).toMatchObject({ call: asked.call, body: { case: 'cancel' } });
    await daemon.send(asked.call, { case: 'answer', value: { payload: nothing } });
    const next = client.ping('bob');
    await daemon.send((await daemon.next()).call, { case: 'pong', value: { peer: 'bob', rttMs: 1 } });
    expect((await next).rttMs).toBe(1);
  });

  test('is frozen is unavailable to what it should answer at once', async () => {
    const client = await connected();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const open = [
      client.status(),
      client.peers(),
      client.stop(),
      client.subscribe('news'),
      client.handle('', () => nothing),
    ].map(code);
    await daemon.next();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await Promise.all(open)).toEqual(open.map(() => 'daemon-unavailable'));
  });

  test('is frozen does not keep a subscription that is closed', async () => {
    const client = await connected();
    const subscribing = client.subscribe('news');
    await daemon.send((await daemon.next()).call, { case: 'done', value: {} });
    const subscription = await subscribing;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const closing = subscription.close();
    await vi.advanceTimersByTimeAsync(10_000);
    await closing;
  });

  test('says what this client does not know is heard out', async () => {
    const client = await connected();
    const unknown = { case: undefined } as never;
    const ping = client.ping('bob');
    const { call } = await daemon.next();
    await daemon.send(call, unknown);
    await daemon.send(call, { case: 'pong', value: { peer: 'bob', rttMs: 1 } });
    expect(await ping).toEqual({ peer: 'bob', rttMs: 1, routed: false });
    const answer = client.requestStream('bob', nothing)[Symbol.asyncIterator]().next();
    const stream = await daemon.next();
    await daemon.send(stream.call, unknown);
    await daemon.send(stream.call, { case: 'answer', value: { payload: nothing } });
    expect(await answer).toEqual({ done: false, value: nothing });
  });

  test('does not let go is left after a while', async () => {
    const client = await connected();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    // Half open, it would hold the connection for ever.
    (await daemon.socket).allowHalfOpen = true;
    const closing = client.close();
    await vi.runAllTimersAsync();
    await closing;
  });
});
