import type { PeerdError } from '@peerd/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeDaemon, fakePair } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: PeerdError) => error.code,
  );
const nothing = new Uint8Array();

describe('what a client has registered', () => {
  let a: FakeDaemon;
  let b: FakeDaemon;
  beforeEach(async () => {
    ({ a, b } = await fakePair());
  });
  afterEach(() => Promise.all([a.close(), b.close()]));

  test('goes with it, and callers hear no-handler at once', async () => {
    const handler = await b.connect();
    await handler.handle('', () => nothing);
    const asking = await a.connect();
    expect(await code(asking.request('bob', nothing))).toBe('resolved');
    await handler.close();
    expect(b.node.handlers.size).toBe(0);
    expect(await code(asking.request('bob', nothing))).toBe('no-handler');
  });

  test('ends calls with disconnected, at once, when it is killed with them in hand', async () => {
    const handler = await RawClient.greeted(b.socket);
    handler.send(1, { case: 'handle', value: { service: '' } });
    await handler.next();
    const asking = await a.connect();
    const call = code(asking.request('bob', nothing));
    expect(await handler.next()).toMatchObject({
      body: { case: 'inbound', value: { handle: 1, peer: a.node.id } },
    });
    handler.socket.destroy();
    expect(await call).toBe('disconnected');
  });

  test('ends a stream of answers with disconnected after those that came', async () => {
    const handler = await RawClient.greeted(b.socket);
    handler.send(1, { case: 'handle', value: { service: '' } });
    await handler.next();
    const asking = await a.connect();
    const answers = asking.requestStream('bob', nothing)[Symbol.asyncIterator]();
    const first = answers.next();
    const inbound = await handler.next();
    handler.send(inbound?.call ?? 0, { case: 'answer', value: { payload: Buffer.from('one') } });
    expect(Buffer.from((await first).value ?? nothing).toString()).toBe('one');
    handler.socket.destroy();
    expect(await code(answers.next())).toBe('disconnected');
  });

  test('shares the load of one service with other clients, and they go on without it', async () => {
    const served: string[] = [];
    const clients = await Promise.all([b.connect(), b.connect()]);
    for (const [index, client] of clients.entries())
      await client.handle('', () => {
        served.push(`client ${index}`);
        return nothing;
      });
    const asking = await a.connect();
    for (let index = 0; index < 4; index += 1) await asking.request('bob', nothing);
    expect(served).toEqual(['client 0', 'client 1', 'client 0', 'client 1']);
    await clients[0]?.close();
    await asking.request('bob', nothing);
    await asking.request('bob', nothing);
    expect(served.slice(4)).toEqual(['client 1', 'client 1']);
  });

  test('can come and go many times at once', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => b.connect()));
    await Promise.all(
      clients.map(async (client) => {
        for (let index = 0; index < 5; index += 1) await (await client.handle('', () => nothing)).close();
      }),
    );
    expect(b.node.handlers.size).toBe(0);
    await clients[0]?.handle('', () => nothing);
    expect(await code((await a.connect()).request('bob', nothing))).toBe('resolved');
  });

  test.each([false, true])(
    'a cancelled request (stream: %j) is answered, and its id is free',
    async (stream) => {
      await b.node.handle('stuck', () => new Promise<Uint8Array>(() => {}));
      const client = await RawClient.greeted(a.socket);
      const value = { peer: 'bob', service: 'stuck', payload: nothing, stream };
      for (let round = 0; round < 3; round += 1) {
        client.send(1, { case: 'request', value });
        client.send(1, { case: 'cancel', value: {} });
        expect(await client.next()).toMatchObject({
          call: 1,
          body: { case: 'fault', value: { code: 'stopped' } },
        });
      }
      client.send(1, { case: 'status', value: {} });
      expect(await client.next()).toMatchObject({ call: 1, body: { case: 'status' } });
      client.socket.destroy();
    },
  );

  test('topics are left when the subscriber is gone', async () => {
    const client = await RawClient.greeted(b.socket);
    client.send(1, { case: 'subscribe', value: { topics: ['news'] } });
    await client.next();
    expect(b.node.listeners.size).toBe(1);
    const left = b.node.left();
    client.socket.destroy();
    await left;
    expect(b.node.listeners.size).toBe(0);
  });

  test('what a handler throws is told to its own program, not to the caller', async () => {
    const heard = Promise.withResolvers<unknown[]>();
    const handler = await b.connect({ onHandlerError: (...about) => heard.resolve(about) });
    const fault = new Error('the password is swordfish');
    await handler.handle('', () => {
      throw fault;
    });
    const asking = await a.connect();
    const error = await asking.request('bob', nothing).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'internal', message: expect.not.stringContaining('swordfish') });
    expect(await heard.promise).toEqual([fault, expect.objectContaining({ peer: a.node.id, service: '' })]);
  });

  test('a handler that answers with something else fails its caller only', async () => {
    const handler = await b.connect();
    const wrong = ['text', 7, undefined, ['a', 'b']] as unknown[];
    await handler.handle('', () => wrong.shift() as Uint8Array);
    const asking = await a.connect();
    for (let calls = wrong.length; calls > 0; calls -= 1)
      expect(await code(asking.request('bob', nothing))).toBe('internal');
    expect((await handler.status()).name).toBe('bob');
  });

  test('a payload that is none fails with invalid', async () => {
    const client = await a.connect();
    expect(await code(client.request('bob', 'text' as unknown as Uint8Array))).toBe('invalid');
    expect(await code(client.broadcast('news', { length: 1 } as unknown as Uint8Array))).toBe('invalid');
    expect((await client.status()).name).toBe('alice');
  });

  test('the daemon is asked to stop by a client', async () => {
    const client = await a.connect();
    await client.stop();
    await a.stopAsked;
  });

  test('a daemon that stops ends what is open with stopped, for a client that does not reconnect', async () => {
    const client = await a.connect({ reconnect: false });
    await b.node.handle('stuck', () => new Promise<Uint8Array>(() => {}));
    const call = code(client.request('bob', nothing, { service: 'stuck' }));
    const subscription = await client.subscribe('news');
    const reading = code(subscription[Symbol.asyncIterator]().next());
    await client.status();
    await a.close();
    expect(await call).toBe('stopped');
    expect(await reading).toBe('stopped');
    expect((await client.closed).code).toBe('stopped');
    expect(await code(client.status())).toBe('stopped');
  });
});
