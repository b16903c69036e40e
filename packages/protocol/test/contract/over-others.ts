import type { PeerRef } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { bytes, type ContractPeer, text } from './pair.ts';

/** Three peers, `a` connected to `b` and `b` to `c`, each with a way to the others. */
export interface ContractChain {
  readonly a: ContractPeer;
  readonly b: ContractPeer;
  readonly c: ContractPeer;
  close(): Promise<void>;
}

export type MakeChain = () => Promise<ContractChain>;

export function overOthersContract(name: string, makeChain: MakeChain): void {
  test(`client contract: ${name}: a peer that only another one leads to is asked, pinged and traced over that`, async () => {
    const { a, b, c, close } = await makeChain();
    await c.client.handle('', ({ payload }) => bytes(`${text(payload)}!`));
    const between = { peer: b.id, name: b.name };
    for (const peer of [c.name, c.id]) {
      const paths: (readonly PeerRef[])[] = [];
      const onPath = (path: readonly PeerRef[]) => paths.push(path);
      expect(text(await a.client.request(peer, bytes('hi'), { onPath }))).toBe('hi!');
      expect(paths).toEqual([[between, { peer: c.id, name: c.name }]]);
      const pong = await a.client.ping(peer);
      expect(pong).toEqual({ peer: c.id, rttMs: expect.any(Number), routed: true });
      expect(pong.rttMs).toBeGreaterThan(0);
      const { hops } = await a.client.trace(peer);
      expect(hops.map((hop) => hop.peer)).toEqual([b.id, c.id]);
    }
    expect(await a.client.status()).toMatchObject({ peers: { connected: 1 } });
    await close();
  });
}
