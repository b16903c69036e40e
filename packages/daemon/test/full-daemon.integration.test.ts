import { once } from 'node:events';
import type { SocketClient } from '@peerd/client';
import { helloTimeoutMs } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TestNetwork, type TestNode } from '../../core/test/support/nodes.ts';
import { maxClients, maxTurnedAway } from '../src/control/load.ts';
import { type ServedNode, serveNode } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

/** As many at a time as the system lets wait for the daemon to accept them. */
async function manyAtOnce<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count)
    made.push(...(await Promise.all(Array.from({ length: Math.min(128, count - made.length) }, make))));
  return made;
}

describe('a daemon with as many clients as it takes', () => {
  let network: TestNetwork;
  let node: TestNode;
  let daemon: ServedNode;
  let inside: SocketClient;
  let others: RawClient[] = [];
  beforeEach(async () => {
    network = new TestNetwork();
    node = await network.start('alice');
    daemon = await serveNode(node.client, node);
    inside = await daemon.connect();
    others = await manyAtOnce(maxClients - 1, () => RawClient.greeted(daemon.socket));
  });
  afterEach(async () => {
    vi.useRealTimers();
    for (const { socket } of others) socket.destroy();
    await daemon.close();
    await network[Symbol.asyncDispose]();
  });

  const busy = expect.objectContaining({ code: 'busy', message: expect.stringContaining('1024 clients') });

  async function clientsInTop() {
    return (await inside.top()).queues.find(({ name }) => name === 'clients');
  }

  test('tells the next one that it is busy, and shows so in top', async () => {
    await expect(daemon.connect()).rejects.toThrow(busy);
    await expect(daemon.connect({ whileStopping: true, reconnect: false })).rejects.toThrow(busy);
    expect(await clientsInTop()).toMatchObject({ size: maxClients, limit: maxClients, refused: 2 });
    expect((await inside.top()).clients).toHaveLength(maxClients);
  });

  test('takes one that waits as soon as another has left', async () => {
    const waiting = daemon.connect({ waitMs: 60_000 });
    await expect.poll(async () => (await clientsInTop())?.refused).toBeGreaterThan(0);
    others.pop()?.socket.destroy();
    const late = await waiting;
    expect((await late.status()).id).toBe(node.id);
    await late.close();
  });

  test('keeps a bounded number of those that it turns away, for a bounded time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const mute = await manyAtOnce(maxTurnedAway, () => RawClient.connect(daemon.socket));
    for (const client of mute) client.read();
    const dropped = await RawClient.connect(daemon.socket);
    dropped.read();
    expect(await dropped.next()).toBeUndefined();
    while ((await clientsInTop())?.refused !== maxTurnedAway + 1) await new Promise(setImmediate);
    expect(mute.filter(({ socket }) => socket.destroyed)).toEqual([]);
    const ended = mute.map(({ socket }) => once(socket, 'close'));
    vi.advanceTimersByTime(helloTimeoutMs);
    vi.useRealTimers();
    await Promise.all(ended);
    expect(await mute[0]?.next()).toMatchObject({ call: 0, body: { value: { code: 'timeout' } } });
    await expect(daemon.connect()).rejects.toThrow(busy);
    expect((await inside.status()).id).toBe(node.id);
  });

  test('says so to those that it turns away when it is closed, and waits for nobody', async () => {
    const mute = await RawClient.connect(daemon.socket);
    mute.read();
    await expect.poll(async () => (await clientsInTop())?.refused).toBe(1);
    await daemon.close();
    expect(await mute.next()).toMatchObject({ call: 0, body: { value: { code: 'stopped' } } });
    expect(await mute.next()).toBeUndefined();
  });
});
