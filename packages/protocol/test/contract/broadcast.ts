import { beforeAll, describe, expect, test } from 'vitest';
import { bytes, type ContractPeer, failure, type StandingPair, text } from './pair.ts';

export function broadcastContract(standing: StandingPair): void {
  let a: ContractPeer;
  let b: ContractPeer;
  beforeAll(() => {
    ({ a, b } = standing);
  });
  describe('broadcast', () => {
    test('reaches a subscription that stands, with topic and sender', async () => {
      await using subscription = await b.client.subscribe('contract/news');
      const { peers } = await a.client.broadcast('contract/news', bytes('it is out'));
      expect(peers).toBeGreaterThanOrEqual(1);
      for await (const message of subscription) {
        expect(message).toMatchObject({ topic: 'contract/news', from: a.id, missed: 0 });
        expect(text(message.payload)).toBe('it is out');
        break;
      }
    });

    test('reaches each of two subscriptions of one client', async () => {
      await using one = await b.client.subscribe('contract/both');
      await using two = await b.client.subscribe(['contract/both', 'contract/other']);
      await a.client.broadcast('contract/both', bytes('to you two'));
      for (const subscription of [one, two]) {
        const first = await subscription[Symbol.asyncIterator]().next();
        expect(text(first.value.payload)).toBe('to you two');
      }
    });

    test('fails with no-peers when nobody listens, unless that is fine', async () => {
      const topic = 'contract/nobody';
      expect((await failure(a.client.broadcast(topic, bytes('x'), { timeoutMs: 100 }))).code).toBe(
        'no-peers',
      );
      expect(await a.client.broadcast(topic, bytes('x'), { allowNone: true })).toEqual({ peers: 0 });
    });

    test('is called off by its signal while it waits', async () => {
      const controller = new AbortController();
      const topic = 'contract/called-off';
      const { signal } = controller;
      const waiting = a.client.broadcast(topic, bytes('x'), { timeoutMs: 600_000, signal });
      const enough = new Error('enough');
      controller.abort(enough);
      await expect(waiting).rejects.toBe(enough);
    });

    test('tells a slow reader how many messages it missed', async () => {
      await using slow = await b.client.subscribe('contract/slow', { maxQueued: 3 });
      await using quick = await b.client.subscribe('contract/slow');
      for (let index = 0; index < 10; index += 1)
        await a.client.broadcast('contract/slow', bytes(`${index}`));
      let heard = 0;
      for await (const { payload } of quick) {
        heard += 1;
        if (text(payload) === '9') break;
      }
      expect(heard).toBe(10);
      const reader = slow[Symbol.asyncIterator]();
      const { value } = await reader.next();
      // What was on its way when the reader began may be one message more or less.
      expect(value.missed).toBeGreaterThan(0);
      expect(value.missed).toBe(Number(text(value.payload)));
    });

    test('is heard by a subscription that is iterated without being awaited, until the loop is left', async () => {
      const topic = 'contract/loop';
      const heard: string[] = [];
      const hearing = (async () => {
        for await (const { payload } of b.client.subscribe(topic)) {
          heard.push(text(payload));
          if (heard.length === 2) break;
        }
      })();
      await expect.poll(async () => (await b.client.status()).topics).toContain(topic);
      await a.client.broadcast(topic, bytes('one'));
      await a.client.broadcast(topic, bytes('two'));
      await hearing;
      expect(heard).toEqual(['one', 'two']);
      expect((await b.client.status()).topics).not.toContain(topic);
    });

    test('a topic that can not be heard fails the iteration', async () => {
      const hearing = (async () => {
        for await (const _ of b.client.subscribe(''));
      })();
      expect((await failure(hearing)).code).toBe('invalid');
    });

    test('leaving the loop over a subscription closes it', async () => {
      const topic = 'contract/leaving';
      const subscription = await b.client.subscribe(topic);
      await a.client.broadcast(topic, bytes('one'));
      for await (const { payload } of subscription) {
        expect(text(payload)).toBe('one');
        break;
      }
      expect((await b.client.status()).topics).not.toContain(topic);
    });

    test('ends the iteration of a subscription that is closed', async () => {
      const subscription = await b.client.subscribe('contract/closing');
      expect(subscription.topics).toEqual(['contract/closing']);
      const reading = (async () => {
        for await (const _ of subscription);
      })();
      await subscription.close();
      await reading;
    });
  });

  test('handlers and subscriptions end with the block that uses them', async () => {
    {
      await using _registration = await b.client.handle('contract/block', ({ payload }) => payload);
      await using _subscription = await b.client.subscribe('contract/block');
      const { services, topics } = await b.client.status();
      expect(services).toContain('contract/block');
      expect(topics).toContain('contract/block');
    }
    const { services, topics } = await b.client.status();
    expect(services).not.toContain('contract/block');
    expect(topics).not.toContain('contract/block');
  });
}
