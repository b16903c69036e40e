import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { expect, test } from 'vitest';
import { rememberedPeers, rememberPeer } from '../src/host/dial.ts';
import { MemoryDatastore } from './support/memory-datastore.ts';

const address = '/ip4/127.0.0.1/tcp/4001';

test('peers are remembered with their names, the one that was connected last first', async () => {
  const datastore = new MemoryDatastore();
  const run = () => createLibp2p({ datastore, start: false });
  const met = async () => {
    const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'));
    await node.peerStore.merge(id, { multiaddrs: [multiaddr(address)] });
    return id.toString();
  };
  const node = await run();
  const [often, nameless, recent, early] = await Promise.all([met(), met(), met(), met(), met()]);
  await rememberPeer(node, often as string, 'often', 1);
  await rememberPeer(node, early as string, 'early', 999);
  await rememberPeer(node, nameless as string, undefined, 2_000);
  await rememberPeer(node, recent as string, 'recent', 10_000);
  await rememberPeer(node, often as string, 'often', 9_000);
  // By number, not by text; who was only heard of is not among them.
  expect(await rememberedPeers(await run())).toEqual([
    { peer: recent, name: 'recent', addresses: [address] },
    { peer: often, name: 'often', addresses: [address] },
    { peer: nameless, name: undefined, addresses: [address] },
    { peer: early, name: 'early', addresses: [address] },
  ]);
});

test('one that an earlier version kept comes last, and what is no time does not matter', async () => {
  const node = await createLibp2p({ datastore: new MemoryDatastore(), start: false });
  const ids = await Promise.all(
    [undefined, 'x', '5'].map(async (seen) => {
      const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'));
      const text = new TextEncoder();
      const metadata = { 'peerd/name': text.encode('n'), ...(seen && { 'peerd/seen': text.encode(seen) }) };
      await node.peerStore.merge(id, { multiaddrs: [multiaddr(address)], metadata });
      return id.toString();
    }),
  );
  const peers = (await rememberedPeers(node)).map(({ peer }) => peer);
  expect(peers[0]).toBe(ids[2]);
  expect(new Set(peers)).toEqual(new Set(ids));
});
