import { PeerdError } from '@peerd/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { bytes, type ContractPeer, collect, failure, nowhere, type StandingPair } from './pair.ts';

export function nodeContract(standing: StandingPair): void {
  let a: ContractPeer;
  let b: ContractPeer;
  beforeAll(() => {
    ({ a, b } = standing);
  });
  const { serve } = standing;
  describe('the node', () => {
    test('lists the other peer as connected, with its name', async () => {
      const peers = await a.client.peers();
      expect(peers).toContainEqual(
        expect.objectContaining({ id: b.id, name: b.name, connected: true, kind: 'peerd' }),
      );
    });

    test('tells its id, name, addresses and what is registered', async () => {
      const { service } = await serve(({ payload }) => payload);
      await using _ = await b.client.subscribe('contract/status');
      const status = await b.client.status();
      expect(status).toMatchObject({ id: b.id, name: b.name });
      expect(status.peers.connected).toBeGreaterThanOrEqual(1);
      expect(status.services).toContain(service);
      expect(status.topics).toContain('contract/status');
      expect(status.routing).toEqual({ strategy: 'table', forward: 'network' });
      expect(status.uptimeMs).toBeGreaterThanOrEqual(0);
    });

    test('tells which configured peer it does not reach, why, and when it dials it again', async () => {
      const unreached = async () => (await b.client.status()).unreached;
      // The first attempt may still be under way, and each one after it.
      await expect
        .poll(async () => (await unreached())[0]?.nextDialMs, { timeout: 10_000 })
        .toBeGreaterThan(0);
      const [only, ...more] = await unreached();
      expect(more).toEqual([]);
      expect(only?.address).toBe(nowhere);
      expect(only).not.toHaveProperty('id');
      expect(only?.error).toBeInstanceOf(PeerdError);
      expect(only?.error).toMatchObject({ code: 'unreachable', message: expect.stringContaining(nowhere) });
      expect((await a.client.status()).unreached).toEqual([]);
    });

    test('tells who hears a topic, here and at connected peers', async () => {
      await using _ = await b.client.subscribe('contract/topics');
      await using __ = await b.client.subscribe(['contract/topics', 'contract/topics-too']);
      // b has heard of its neighbours' subscriptions only when they tell; a knows of b's by now.
      expect(await b.client.topics()).toContainEqual({
        topic: 'contract/topics',
        subscriptions: 2,
        peers: 0,
      });
      expect(await a.client.topics()).toContainEqual({
        topic: 'contract/topics-too',
        subscriptions: 0,
        peers: 1,
      });
    });

    test('tells how peers are reached', async () => {
      const routes = await a.client.routes();
      expect(routes.find(({ peer }) => peer === b.id)).toMatchObject({
        name: b.name,
        next: b.id,
        nextName: b.name,
        distance: 1,
        rule: 'table',
        ageMs: expect.any(Number),
      });
    });

    test('traces the way to a connected peer: one hop', async () => {
      for (const peer of [b.name, b.id]) {
        const trace = await a.client.trace(peer);
        const hop = { hop: 1, peer: b.id, name: b.name, rttMs: expect.any(Number) };
        expect(trace).toEqual({ peer: b.id, name: b.name, hops: [hop] });
        expect(trace.hops[0]?.rttMs).toBeGreaterThan(0);
      }
    });

    test('fails to trace the way to nobody, and to itself', async () => {
      const codes = { 'no-such-peer': 'unknown-peer', '/ip4/x': 'invalid', [a.id]: 'invalid' };
      for (const [peer, code] of Object.entries(codes))
        expect((await failure(a.client.trace(peer))).code, peer).toBe(code);
      expect((await failure(a.client.trace(b.id, { timeoutMs: -1 }))).code).toBe('invalid');
    });

    test('pings a peer by name', async () => {
      const { peer, rttMs, routed } = await a.client.ping(b.name);
      expect(routed).toBe(false);
      expect(peer).toBe(b.id);
      expect(rttMs).toBeGreaterThan(0);
    });

    test.each([undefined, null, 5, {}])('takes no %j for a text, and goes on', async (value) => {
      const wrong = value as unknown as string;
      const { client } = a;
      const calls = [
        client.request(wrong, bytes('x')),
        collect(client.requestStream(wrong, bytes('x'))),
        client.connect(wrong),
        client.disconnect(wrong),
        client.ping(wrong),
        client.trace(wrong),
        client.broadcast(wrong, bytes('x')),
        client.subscribe([wrong]),
        client.handle(wrong, () => bytes('x')),
        client.request(b.id, wrong as unknown as Uint8Array),
      ];
      if (value !== undefined) {
        calls.push(client.request(b.id, bytes('x'), { service: wrong }));
        calls.push(collect(client.requestStream(b.id, bytes('x'), { service: wrong })));
      }
      const codes = await Promise.all(calls.map(async (call) => (await failure(call)).code));
      expect(codes).toEqual(calls.map(() => 'invalid'));
      expect((await client.status()).id).toBe(a.id);
    });

    test('fails to ping a peer that nobody knows', async () => {
      expect((await failure(a.client.ping('no-such-peer'))).code).toBe('unknown-peer');
    });
  });
}
