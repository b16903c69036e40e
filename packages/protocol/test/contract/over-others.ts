import type { PeerRef } from '@peerd/protocol';
import { expect, test } from 'vitest';
import { bytes, type ContractPeer, failure, text } from './pair.ts';

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
    const { peers } = await a.client.status();
    expect(peers).toMatchObject({ connected: 1, routed: 1 });
    const refused = await failure(a.client.connect(c.name));
    expect(refused.code).toBe('unreachable');
    expect(refused.message).toContain(`requests reach it over others (\`peerd trace ${c.name}\`)`);
    expect(await a.client.disconnect(c.name)).toBe(0);
    await close();
  });
}
