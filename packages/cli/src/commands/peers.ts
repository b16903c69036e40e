import process from 'node:process';
import type { PeerInfo, UnreachedPeer } from '@peerd/protocol';
import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import { span } from '../figures.ts';
import type { PeerJson } from '../json/network.ts';
import { errorJson, jsonMs } from '../output.ts';
import { idCell, table } from '../table.ts';

/** A peer of the node's table, or one of the configuration that may not be in it. */
type Listed = Omit<PeerInfo, 'id'> & { readonly id: string | undefined; readonly unreached?: UnreachedPeer };

export function peersCommand(): Command {
  const command = new Command('peers')
    .description('List the peers a daemon knows, connected ones first, and those it is configured to reach')
    .action(async () => {
      const output = outputOf(command);
      const peers = await withDaemon(command, async (node) => {
        const [known, { unreached }] = await Promise.all([node.peers(), node.status()]);
        return listed(known, unreached);
      });
      if (output.json) for (const peer of peers) output.object(jsonOf(peer));
      else if (peers.length === 0) output.note('no peers are known');
      else output.text((await table(['ID', 'NAME', 'STATE', 'ADDRESSES'], peers.map(rowOf))).join('\n'));
      if (!output.json) for (const { unreached } of peers) if (unreached) output.note(reasonOf(unreached));
    });
  return withExamples(
    command,
    ['peerd peers', 'peerd peers --json | jq -r .id'],
    `A peer of the configuration (--peer, peers) that there is no connection to is unreached. Why, and when it is dialled again,
is told on standard error. Its id is not known before it has been reached, unless its address ends in /p2p/ID.`,
  );
}

function listed(known: readonly PeerInfo[], unreached: readonly UnreachedPeer[]): Listed[] {
  const byId = new Map(unreached.map((peer) => [peer.id, peer]));
  const peers = known.map((peer): Listed => {
    const addresses = loopbackLast(peer.addresses);
    const configured = byId.get(peer.id);
    return configured === undefined ? { ...peer, addresses } : { ...peer, addresses, unreached: configured };
  });
  const ids = new Set<string | undefined>(known.map(({ id }) => id));
  for (const peer of unreached) {
    const { id, address } = peer;
    const nothing = { connected: false, kind: 'unknown', inDht: false } as const;
    if (!ids.has(id) || byId.get(id) !== peer)
      peers.push({ ...nothing, id, addresses: [address], unreached: peer });
  }
  return peers;
}

function reasonOf({ address, error, nextDialMs }: UnreachedPeer): string {
  const again = nextDialMs === undefined ? 'being dialled' : `dialled again in ${span(nextDialMs)}`;
  if (error === undefined) return `${address} is not connected; ${again}`;
  const { code, message } = error;
  const isNamed = message.startsWith(address);
  return `${isNamed ? '' : `${address}: `}${message} (${code}); ${again}`;
}

const loopback = /^\/(ip4\/127\.|ip6\/::1\/)/;

/** Those first that lead to the peer from another machine too. */
export function loopbackLast(addresses: readonly string[]): string[] {
  return addresses.toSorted((a, b) => Number(loopback.test(a)) - Number(loopback.test(b)));
}

function jsonOf({ id, name, connected, kind, inDht, addresses, unreached }: Listed): PeerJson {
  const about = { id: id ?? null, name: name ?? null, connected, kind, inDht, addresses: [...addresses] };
  if (unreached === undefined) return { ...about, unreached: null };
  const { address, error, nextDialMs } = unreached;
  return {
    ...about,
    unreached: {
      address,
      error: error === undefined ? null : errorJson(error),
      nextDialMs: nextDialMs === undefined ? null : jsonMs(nextDialMs),
    },
  };
}

function rowOf({ id, name, connected, kind, inDht, addresses, unreached }: Listed): string[] {
  const traits = [
    connected ? 'connected' : unreached === undefined ? 'known' : 'unreached',
    ...(kind === 'peerd' || (kind === 'unknown' && unreached !== undefined) ? [] : [kind]),
    ...(inDht ? ['dht'] : []),
  ];
  return [id === undefined ? '-' : idCell(id), name ?? '-', traits.join(','), addressCell(id, addresses)];
}

/** On a terminal, where an id has a column of its own: one address, and how many more there are. */
function addressCell(id: string | undefined, [first, ...more]: readonly string[]): string {
  if (first === undefined) return '-';
  if (!process.stdout.isTTY) return [first, ...more].join(' ');
  const short =
    id !== undefined && first.endsWith(`/p2p/${id}`) ? first.slice(0, -`/p2p/${id}`.length) : first;
  return more.length === 0 ? short : `${short} and ${more.length} more`;
}
