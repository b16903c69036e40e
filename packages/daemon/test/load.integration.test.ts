import { readFile } from 'node:fs/promises';
import type { Settler } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import type { ClientBody } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TestNetwork, type TestNode } from '../../core/test/support/nodes.ts';
import { type ServedNode, serveNode } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

describe('what top shows of the programs on the control socket', () => {
  let network: TestNetwork;
  let node: TestNode;
  let served: ServedNode;
  beforeEach(async () => {
    network = new TestNetwork();
    node = await network.start('alice');
    served = await serveNode(node.client, node);
  });
  afterEach(async () => {
    await served.close();
    await network[Symbol.asyncDispose]();
  });

  test('each has a number, its program, and what it holds', async () => {
    const looking = await served.connect();
    const working = await served.connect();
    await working.handle('one', ({ payload }) => payload);
    await working.handle('two', ({ payload }) => payload);
    await working.subscribe('topic');
    const { clients, queues } = await looking.top();
    expect(clients).toEqual([
      {
        id: 1,
        program: process.argv[1],
        connectedMs: clients[0]?.connectedMs,
        // The very call that asks.
        calls: 1,
        handlers: 0,
        subscriptions: 0,
        inbound: 0,
        unsentBytes: 0,
        isPaused: false,
        missed: 0,
      },
      expect.objectContaining({ id: 2, calls: 3, handlers: 2, subscriptions: 1 }),
    ]);
    expect(queues).toContainEqual({ name: 'clients', unit: 'items', size: 2, limit: 1_024, refused: 0 });
    await working.close();
    expect((await looking.top()).clients.map(({ id }) => id)).toEqual([1]);
  });

  test('a client may have 65,536 calls open: one more is busy, and when one has ended there is room', async () => {
    // Nobody answers before the test does.
    const open = new Map<number, Settler<Uint8Array>>();
    let asks = 0;
    vi.spyOn(node.client, 'ask').mockImplementation((_peer, _payload, _options, settler) => {
      asks += 1;
      open.set(asks, settler);
      return asks;
    });
    vi.spyOn(node.client, 'cancel').mockImplementation((ask) =>
      open.get(ask)?.reject(new PeerdError('stopped', 'the call was cancelled')),
    );
    const answer = (ask: number) => {
      open.get(ask)?.resolve(new Uint8Array());
      open.delete(ask);
    };
    const client = await RawClient.greeted(served.socket);
    const request: ClientBody = { case: 'request', value: { peer: 'bob', payload: new Uint8Array() } };
    for (let call = 1; call <= 65_537; call += 1) client.send(call, request);
    expect(await client.next()).toMatchObject({
      call: 65_537,
      body: { case: 'fault', value: { code: 'busy' } },
    });
    expect(asks).toBe(65_536);
    const looking = await served.connect();
    expect((await looking.top()).queues).toContainEqual({
      name: 'calls of the busiest client',
      unit: 'items',
      size: 65_536,
      limit: 65_536,
      refused: 1,
    });
    answer(7);
    expect(await client.next()).toMatchObject({ call: 7, body: { case: 'answer' } });
    client.send(65_537, request);
    await vi.waitUntil(() => asks === 65_537, { timeout: 10_000 });
    answer(65_537);
    expect(await client.next()).toMatchObject({ call: 65_537, body: { case: 'answer' } });
    client.socket.destroy();
  });

  test('every queue and counter that it shows is on the page of the limits', async () => {
    const text = await readFile(new URL('../../../docs/reference/limits.md', import.meta.url), 'utf8');
    const client = await served.connect();
    await client.handle('clock', ({ payload }) => payload);
    const { queues, counters } = await client.top();
    expect(queues.length).toBeGreaterThan(20);
    expect(counters.length).toBeGreaterThan(1);
    for (const { name } of [...queues, ...counters])
      expect(text).toContain(`*${name.replace(/ "clock"/, '')}*`);
  });

  test('one that does not read is shown paused, with what waits for it and what it lost', async () => {
    const client = await RawClient.greeted(served.socket);
    client.send(1, { case: 'subscribe', value: { topics: ['flood'], maxQueued: 3 } });
    await client.next();
    client.socket.pause();
    const other = await network.start('bob');
    await other.client.connect(node.address);
    const looking = await served.connect();
    const shown = async () => (await looking.top()).clients[0];
    // Each broadcast is answered when it has gone out.
    for (let sent = 0; sent < 200 && !(await shown())?.isPaused; sent += 1)
      await other.client.broadcast('flood', new Uint8Array(1_000_000));
    expect(await shown()).toMatchObject({ isPaused: true, subscriptions: 1 });
    expect((await shown())?.unsentBytes).toBeGreaterThan(4 * 1024 * 1024);
    const slowest = async () =>
      (await looking.top()).queues.find(({ name }) => name.startsWith('messages waiting'));
    while ((await slowest())?.refused === 0) await other.client.broadcast('flood', new Uint8Array(1_000_000));
    expect(await slowest()).toMatchObject({ size: 3, limit: 3 });
    client.socket.destroy();
  });
});
