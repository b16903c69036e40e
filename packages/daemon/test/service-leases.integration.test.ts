import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { PeerdError } from '@peerd/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually, TestNetwork, type TestNode } from '../../core/test/support/nodes.ts';
import { type ServedNode, serveNode } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

const nothing = new Uint8Array();
const service = 'clock';
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: PeerdError) => error.code,
  );

describe('a program that is killed', () => {
  let network: TestNetwork;
  let alice: TestNode;
  let bob: TestNode;
  let served: ServedNode;
  beforeEach(async () => {
    network = new TestNetwork();
    [alice, bob] = await network.pair();
    served = await serveNode(bob.client, bob);
  });
  afterEach(async () => {
    await served.close();
    await network[Symbol.asyncDispose]();
  });

  /** A client that takes one request at a time and answers none. */
  async function stuckHandler(): Promise<RawClient> {
    const client = await RawClient.greeted(served.socket);
    client.send(1, { case: 'handle', value: { service, concurrency: 1 } });
    await client.next();
    return client;
  }
  const ask = () => code(alice.client.request(bob.id, nothing, { service, timeoutMs: 60_000 }));
  const until = (inFlight: number, waiting: number) =>
    eventually(`${inFlight} in flight and ${waiting} waiting`, async () => {
      const [info] = await bob.client.services();
      return info?.inFlight === inFlight && info.waiting === waiting;
    });
  const queue = async (part: string) =>
    (await bob.client.top()).queues.find(({ name }) => name.startsWith(part));

  test('with requests in hand and others waiting ends the one with disconnected, the others with no-handler', async () => {
    const client = await stuckHandler();
    const inHand = ask();
    await until(1, 0);
    const waiting = [ask(), ask()];
    await until(1, 2);
    client.socket.destroy();
    expect(await inHand).toBe('disconnected');
    expect(await Promise.all(waiting)).toEqual(['no-handler', 'no-handler']);
  });

  test('leaves the requests that wait to another one', async () => {
    const [client, other] = [await stuckHandler(), await stuckHandler()];
    const inHand = [ask(), ask()];
    await until(2, 0);
    const waiting = [ask(), ask()];
    await until(2, 2);
    client.socket.destroy();
    expect(await Promise.race(inHand)).toBe('disconnected');
    await until(1, 2);
    for (let answered = 0; answered < 3; answered += 1) {
      const inbound = await other.next();
      other.send(inbound?.call ?? 0, { case: 'answer', value: { payload: nothing, last: true } });
    }
    expect(await Promise.all(waiting)).toEqual(['resolved', 'resolved']);
    expect((await Promise.all(inHand)).sort()).toEqual(['disconnected', 'resolved']);
  });

  test.each([
    { others: 'another one', isAlone: false, outcome: 'resolved' },
    { others: 'nobody, who says no-handler', isAlone: true, outcome: 'no-handler' },
  ])('leaves a request that crossed with the end of its registration to $others', async (each) => {
    const client = await stuckHandler();
    const asked = ask();
    const inbound = await client.next();
    await using other = await served.connect();
    if (!each.isAlone) await other.handle(service, () => nothing);
    client.send(1, { case: 'cancel', value: {} });
    expect(await client.next()).toMatchObject({ call: 1, body: { case: 'done' } });
    const value = { code: 'no-handler', message: 'the handler was just closed', candidates: [] };
    client.send(inbound?.call ?? 0, { case: 'fault', value });
    expect(await asked).toBe(each.outcome);
    client.socket.destroy();
  });

  test('that registered and takes nothing has its callers hear no-handler', async () => {
    const client = await stuckHandler();
    const asked = ask();
    const inbound = await client.next();
    const value = { code: 'no-handler', message: 'not me', candidates: [] };
    client.send(inbound?.call ?? 0, { case: 'fault', value });
    expect(await asked).toBe('no-handler');
    client.socket.destroy();
  });

  test('watches no more, and what it had begun to connect to is given up', async () => {
    const client = await RawClient.greeted(served.socket);
    client.send(1, { case: 'watch', value: {} });
    await client.next();
    // It takes the connection and says nothing.
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    client.send(2, { case: 'connect', value: { peer: `/ip4/127.0.0.1/tcp/${port}`, timeoutMs: 60_000 } });
    const underWay = (sizes: string) => async () =>
      [(await queue('watchers'))?.size, (await queue('connects'))?.size].join() === sizes;
    await eventually('both are under way', underWay('1,1'));
    client.socket.destroy();
    await eventually('neither is any more', underWay('0,0'));
    silent.close();
  });
});
