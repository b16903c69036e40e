import { type ClientBody, encodeClientFrame, frameHeader } from '@peerd/protocol/control';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestNetwork, type TestNode } from '../../core/test/support/nodes.ts';
import { maxPartialFrameBytes } from '../src/control/load.ts';
import { type ServedNode, serveNode } from './control-pair.ts';
import { RawClient } from './raw-client.ts';

const MiB = 1024 * 1024;
/** The bytes of a call, and where it is cut: enough has come for all of it to be kept. */
const call: ClientBody = {
  case: 'request',
  value: { peer: 'nobody', service: '', payload: new Uint8Array(10 * MiB) },
};
const cut = 5 * MiB;

/** The first byte of a frame in parts, which is announced to have 8 MiB. */
function beginOf(number: number): Uint8Array {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32LE(2 ** 31 + 1, 0);
  bytes.writeUInt32LE(number, 4);
  bytes.writeUInt32LE(8 * MiB, 8);
  return bytes;
}
/** What is kept for one such: 1 MiB and 64 KiB. */
const beginBytes = MiB + 64 * 1024;

describe('a client that stops in the middle of a frame', () => {
  let network: TestNetwork;
  let node: TestNode;
  let served: ServedNode;
  let clients: RawClient[];
  beforeEach(async () => {
    network = new TestNetwork();
    node = await network.start('alice');
    served = await serveNode(node.client, node);
    clients = [];
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    await served.close();
    await network[Symbol.asyncDispose]();
  });

  async function greeted(): Promise<RawClient> {
    const client = await RawClient.greeted(served.socket);
    clients.push(client);
    return client;
  }

  /** The quota in `top`, which is asked for by somebody else: that one is not disturbed. */
  async function quota() {
    await using looking = await served.connect();
    const { queues } = await looking.top();
    return queues.find(({ name }) => name === 'bytes of frames that have come in part');
  }

  test('is shown in top with what is kept for it, and goes on when it likes', async () => {
    expect(await quota()).toMatchObject({ unit: 'bytes', size: 0, limit: maxPartialFrameBytes, refused: 0 });
    const client = await greeted();
    const frame = encodeClientFrame(1, call);
    client.socket.write(frameHeader(frame));
    client.socket.write(frame.subarray(0, cut));
    await expect.poll(async () => (await quota())?.size).toBe(frame.length);
    client.socket.write(frame.subarray(cut));
    expect(await client.next()).toMatchObject({ call: 1, body: { value: { code: 'unknown-peer' } } });
    expect(await quota()).toMatchObject({ size: 0, refused: 0 });
  });

  test.each(['dies', 'closes its sending side'])('and %s there leaves nothing behind', async (way) => {
    const client = await greeted();
    const frame = encodeClientFrame(1, call);
    client.socket.write(frameHeader(frame));
    client.socket.write(frame.subarray(0, cut));
    await expect.poll(async () => (await quota())?.size).toBe(frame.length);
    if (way === 'dies') client.socket.destroy();
    else client.socket.end();
    await expect.poll(async () => (await quota())?.size).toBe(0);
  });

  describe('with so many others that there is no room', () => {
    beforeEach(async () => {
      const frames = Math.floor(maxPartialFrameBytes / beginBytes);
      for (let begun = 0; begun < frames; begun += 8) {
        const client = await greeted();
        for (let number = 0; number < Math.min(8, frames - begun); number += 1)
          client.socket.write(beginOf(number));
      }
      await expect.poll(async () => (await quota())?.size).toBe(frames * beginBytes);
    });

    test('is told busy and disconnected, gives back what it had, and no other is', async () => {
      const before = (await quota())?.size ?? 0;
      const [one] = clients;
      const late = await greeted();
      late.socket.write(beginOf(1));
      expect(await late.next()).toMatchObject({ call: 0, body: { case: 'fault', value: { code: 'busy' } } });
      expect(await late.next()).toBeUndefined();
      expect(await quota()).toMatchObject({ size: before, refused: 1 });
      one?.send(1, { case: 'status', value: {} });
      expect(await one?.next()).toMatchObject({ call: 1, body: { case: 'status' } });
      for (const { socket } of clients.splice(0, 2)) socket.destroy();
      await expect.poll(async () => (await quota())?.size).toBe(before - 16 * beginBytes);
    });

    test('hears why, also in the middle of a write, and of its call that nobody knows whether it was done', async () => {
      const errors: string[] = [];
      const restored = Promise.withResolvers<void>();
      await using client = await served.connect({
        onConnection: (event) => {
          if (event.type === 'lost') errors.push(event.error.code);
          else restored.resolve();
        },
      });
      const request = client.request('nobody', new Uint8Array(16 * MiB), { timeoutMs: 60_000 });
      await expect(request).rejects.toMatchObject({ code: 'disconnected', cause: { code: 'busy' } });
      await restored.promise;
      expect(errors).toEqual(['busy']);
      for (const { socket } of clients.splice(0)) socket.destroy();
      await expect.poll(async () => (await quota())?.size).toBe(0);
      const again = client.request('nobody', new Uint8Array(16 * MiB - 1024));
      await expect(again).rejects.toMatchObject({ code: 'unknown-peer' });
    });
  });
});
