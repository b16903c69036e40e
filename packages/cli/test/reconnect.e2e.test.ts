import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type ConnectionEvent, connect, json, type PeerdError, type SocketClient, text } from '@peerd/client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SocketProxy } from '../../daemon/test/socket-proxy.ts';
import { type RunningDaemon, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let alice: RunningDaemon;
let bob: RunningDaemon;
let atAlice: SocketClient;
let atBob: SocketClient;
let events: ConnectionEvent[];

beforeEach(async () => {
  sandbox = await Sandbox.make();
  ({ alice, bob } = await sandbox.pair());
  atAlice = await connect({ socket: alice.info.socket });
  events = [];
  atBob = await connect({ socket: bob.info.socket, onConnection: (event) => events.push(event) });
});
afterEach(async () => {
  await Promise.all([atAlice.close(), atBob.close()]);
  await sandbox.close();
});

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: PeerdError) => error.code,
  );

/** The next event of that type. It needs a daemon to start, on a machine that may be busy. */
async function event<Type extends ConnectionEvent['type']>(
  type: Type,
): Promise<Extract<ConnectionEvent, { type: Type }>> {
  await expect.poll(() => events[0]?.type, { timeout: 30_000 }).toBe(type);
  return events.shift() as Extract<ConnectionEvent, { type: Type }>;
}

async function restart(): Promise<void> {
  bob = await sandbox.start('bob', ['--discovery', 'off', '--peer', alice.info.addresses[0] as string]);
}

/** Alice asks bob's handler, as soon as the two are connected again. */
async function askBob(value: string): Promise<string> {
  const answer = () => text.request(atAlice, bob.info.id, value, { service: 'upper', timeoutMs: 5_000 });
  await expect.poll(() => answer().catch(({ code }) => code), { timeout: 30_000 }).toBe(value.toUpperCase());
  return await answer();
}

const upper = text.handler((value) => value.toUpperCase());

test('a daemon is killed and restarted under a program that goes on', async () => {
  await atBob.handle('upper', upper);
  const subscription = await atBob.subscribe('news');
  const messages = subscription[Symbol.asyncIterator]();
  await atAlice.broadcast('news', text.encode('before'));
  expect(text.decode((await messages.next()).value.payload)).toBe('before');

  let asked = 0;
  const both = Promise.withResolvers<void>();
  await atAlice.handle('slow', async () => {
    asked += 1;
    if (asked === 2) both.resolve();
    return asked > 2 ? text.encode('at last') : await new Promise<Uint8Array>(() => {});
  });
  const options = { service: 'slow', timeoutMs: 50_000 };
  const once = code(text.request(atBob, alice.info.id, 'x', options));
  const again = text.request(atBob, 'alice', 'x', { ...options, idempotent: true });
  await both.promise;
  const before = atBob.daemon;
  await bob.kill('SIGKILL');

  const { inFlight, inFlightCount } = await event('lost');
  expect(inFlightCount).toBe(2);
  expect(inFlight).toMatchObject([
    { kind: 'request', peer: alice.info.id, service: 'slow', again: false },
    { kind: 'request', peer: 'alice', service: 'slow', again: true },
  ]);
  expect(await once).toBe('disconnected');
  const meanwhile = atBob.status();

  await restart();
  const { missed, attempts, awayMs, notRestored } = await event('restored');
  expect(missed).toBeUndefined();
  expect(attempts).toBeGreaterThan(1);
  expect(awayMs).toBeGreaterThan(0);
  expect(notRestored).toEqual([]);
  expect(atBob.daemon).toEqual({ ...before, pid: bob.pid });
  expect(bob.pid).not.toBe(before.pid);
  expect((await meanwhile).services).toEqual(['upper']);
  expect(await again).toBe('at last');
  expect(await askBob('hello')).toBe('HELLO');
  await atAlice.broadcast('news', text.encode('after'), { timeoutMs: 30_000 });
  const { value } = await messages.next();
  expect([text.decode(value.payload), value.missed]).toEqual(['after', undefined]);
});

test('a daemon is stopped in order and restarted', async () => {
  await atBob.handle('upper', upper);
  const subscription = await atBob.subscribe('news');
  const messages = subscription[Symbol.asyncIterator]();
  const { status } = await bob.kill('SIGTERM');
  expect(status).toBe(0);
  expect((await event('lost')).error.code).toBe('stopped');
  await restart();
  expect((await event('restored')).missed).toBeUndefined();
  expect(await askBob('hello')).toBe('HELLO');
  await atAlice.broadcast('news', text.encode('after'), { timeoutMs: 30_000 });
  expect(text.decode((await messages.next()).value.payload)).toBe('after');
});

test('a daemon that stops lets a call in flight be answered, and what is asked then waits for the next', async () => {
  const answer = Promise.withResolvers<Uint8Array>();
  const asked = Promise.withResolvers<void>();
  await atAlice.handle('slow', () => {
    asked.resolve();
    return answer.promise;
  });
  const call = text.request(atBob, alice.info.id, 'x', { service: 'slow' });
  await asked.promise;
  bob.child.kill('SIGTERM');
  // It is stopping once it turns others away.
  const turnedAway = async () => {
    const other = await connect({ socket: bob.info.socket, reconnect: false }).catch(({ code }) => code);
    if (typeof other === 'string') return other;
    await other.close();
    return 'connected';
  };
  await expect.poll(turnedAway, { timeout: 3_000 }).toBe('stopped');
  const late = atBob.status();
  answer.resolve(text.encode('whole'));
  expect(await call).toBe('whole');
  await event('lost');
  await restart();
  expect((await late).name).toBe('bob');
});

test('a connection is cut while the daemon lives: the count of missed messages is exact', async () => {
  const proxy = await SocketProxy.before(bob.info.socket);
  await using node = await connect({ socket: proxy.path, onConnection: (event) => events.push(event) });
  const messages = node.subscribe('news')[Symbol.asyncIterator]();
  const first = messages.next();
  // Of its events nobody counts what is missed: that says nothing about messages.
  await node.watch();
  await expect.poll(async () => (await atBob.status()).topics).toContain('news');
  await atAlice.broadcast('news', text.encode('one'));
  expect(text.decode((await first).value.payload)).toBe('one');
  await proxy.cut();
  await event('lost');
  // Another program at the same daemon hears them all: then they have come.
  const witness = atBob.subscribe('news')[Symbol.asyncIterator]();
  const heard = [witness.next()];
  await expect
    .poll(async () => (await atBob.topics()).find(({ topic }) => topic === 'news')?.subscriptions)
    .toBe(2);
  for (let count = 0; count < 5; count += 1) {
    await atAlice.broadcast('news', text.encode(`missed ${count}`));
    await heard.at(-1);
    heard.push(witness.next());
  }
  await proxy.open();
  expect((await event('restored')).missed).toBe(5);
  const next = messages.next();
  await atAlice.broadcast('news', text.encode('two'));
  const { value } = await next;
  expect([text.decode(value.payload), value.missed]).toEqual(['two', 5]);
  await proxy.cut();
});

test('a daemon that is frozen is waited for no longer than the call says, and goes on where it was', async () => {
  await atBob.handle('upper', upper);
  process.kill(bob.pid, 'SIGSTOP');
  try {
    expect(await code(atBob.ping(alice.info.id, { timeoutMs: 100 }))).toBe('timeout');
  } finally {
    process.kill(bob.pid, 'SIGCONT');
  }
  expect((await atBob.ping(alice.info.id)).peer).toBe(alice.info.id);
  expect(await askBob('hello')).toBe('HELLO');
  expect(events).toEqual([]);
});

/** A program of its own. */
async function program(source: string) {
  const child = spawn(
    process.execPath,
    ['--conditions=@peerd/source', '--input-type=module-typescript', '-'],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: sandbox.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  child.stdin.end(`import { connect, json, text } from '@peerd/client';\n${source}`);
  const ended = once(child, 'exit').then(([status]) => status);
  return { child, ended, output: textOf(child.stdout) };
}

test('a program ends by itself once its client is closed, with all that it held', async () => {
  await atAlice.handle(
    'ask',
    json.handler(() => json.request(atAlice, bob.info.id, [1, 2, 3], { service: 'sum' })),
  );
  const { ended, output } = await program(`
    {
      await using node = await connect({ name: 'bob' });
      await using _ = await node.handle('sum', json.handler((numbers: number[]) => numbers.reduce((a, b) => a + b)));
      await using news = await node.subscribe('news');
      const [answer] = await Promise.all([
        json.request(node, '${alice.info.id}', { to: 'bob' }, { service: 'ask' }),
        node.status(),
      ]);
      console.log(JSON.stringify(answer), news.topics.join());
    }
    console.log('closed');
  `);
  expect(await output).toBe('6 news\nclosed\n');
  expect(await ended).toBe(0);
  expect(await atBob.status()).toMatchObject({ services: [], topics: [] });
});

test('a program whose daemon never comes back ends by itself once its client is closed', async () => {
  const { ended, output } = await program(`
    const lost = Promise.withResolvers<void>();
    const node = await connect({ name: 'bob', onConnection: ({ type }) => type === 'lost' && lost.resolve() });
    await node.handle('', ({ payload }) => payload);
    const subscription = await node.subscribe('news');
    const hearing = (async () => {
      for await (const _ of subscription);
      return 'ended';
    })();
    process.kill(${bob.pid}, 'SIGKILL');
    await lost.promise;
    const outcome = (call: Promise<unknown>) => call.then(() => 'resolved', ({ code }) => code);
    console.log(await outcome(node.request('alice', text.encode('x'), { timeoutMs: 200 })));
    const waits = outcome(node.request('alice', text.encode('x')));
    await node.close();
    console.log(await waits, await hearing, (await node.closed).code);
  `);
  expect(await output).toBe('daemon-unavailable\nstopped ended stopped\n');
  expect(await ended).toBe(0);
});
