import { randomBytes } from 'node:crypto';
import type { GossipsubMessage } from '@libp2p/gossipsub';
import type { Connection, IdentifyResult, PeerInfo } from '@libp2p/interface';
import { NONCE_BYTES } from '../hello/policy.ts';
import type { Event } from '../server/messages.ts';
import { watchSubscribers } from './gossip-subscribers.ts';
import type { Host } from './node.ts';

/** Turns what libp2p reports into events for the loop. Returns what stops it. */
export function postEvents(host: Host, post: (event: Event) => void): () => void {
  const { node, gate, connections } = host;
  const listening = new AbortController();
  const { signal } = listening;

  node.addEventListener(
    'connection:open',
    ({ detail }: CustomEvent<Connection>) => {
      connections.set(detail.id, detail);
      post({
        type: 'connection/opened',
        connection: detail.id,
        peer: detail.remotePeer.toString(),
        address: detail.remoteAddr.toString(),
        direction: detail.direction,
        nonce: randomBytes(NONCE_BYTES),
      });
    },
    { signal },
  );
  node.addEventListener(
    'connection:close',
    ({ detail }: CustomEvent<Connection>) => {
      if (!connections.delete(detail.id)) return;
      gate.forget(detail.id);
      post({ type: 'connection/closed', connection: detail.id, peer: detail.remotePeer.toString() });
    },
    { signal },
  );
  node.addEventListener(
    'peer:identify',
    ({ detail }: CustomEvent<IdentifyResult>) => {
      post({
        type: 'peer/identified',
        peer: detail.peerId.toString(),
        connection: detail.connection.id,
        addresses: detail.listenAddrs.map((address) => address.toString()),
        protocols: detail.protocols,
      });
    },
    { signal },
  );
  node.addEventListener(
    'peer:discovery',
    ({ detail }: CustomEvent<PeerInfo>) => {
      const addresses = detail.multiaddrs.map((address) => address.toString());
      post({ type: 'discovery/found', peer: detail.id.toString(), addresses });
    },
    { signal },
  );

  const { gossip, dht } = node.services;
  gossip.addEventListener(
    'gossipsub:message',
    ({ detail }: CustomEvent<GossipsubMessage>) => {
      const { msg } = detail;
      // Strict signing lets nothing else through.
      if (msg.type !== 'signed') return;
      post({ type: 'gossip/message', topic: msg.topic, from: msg.from.toString(), payload: msg.data });
    },
    { signal },
  );
  watchSubscribers(gossip, host, signal, (peer, topic, isSubscribed) => {
    post({ type: 'gossip/peer', topic, peer, isSubscribed });
  });
  if (dht !== undefined) {
    const table = (dht as unknown as { routingTable: EventTarget }).routingTable;
    table.addEventListener('peer:add', (event) => post({ type: 'dht/added', peer: peerOf(event) }), {
      signal,
    });
    table.addEventListener('peer:remove', (event) => post({ type: 'dht/removed', peer: peerOf(event) }), {
      signal,
    });
  }
  return () => listening.abort();
}

function peerOf(event: unknown): string {
  return String((event as CustomEvent).detail);
}
