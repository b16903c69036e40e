import process from 'node:process';
import type { PeerInfo } from '@peerd/protocol';
import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { PeerJson } from '../json.ts';
import { idCell, table } from '../table.ts';

export function peersCommand(): Command {
  const command = new Command('peers')
    .description('List the peers a daemon knows, connected ones first')
    .action(async () => {
      const output = outputOf(command);
      const known = await withDaemon(command, (node) => node.peers());
      const peers = known.map((peer) => ({ ...peer, addresses: loopbackLast(peer.addresses) }));
      if (output.json) for (const peer of peers) output.object(jsonOf(peer));
      else if (peers.length === 0) output.note('no peers are known');
      else output.text((await table(['ID', 'NAME', 'STATE', 'ADDRESSES'], peers.map(rowOf))).join('\n'));
    });
  return withExamples(command, ['peerd peers', 'peerd peers --json | jq -r .id']);
}

const loopback = /^\/(ip4\/127\.|ip6\/::1\/)/;

/** Those first that lead to the peer from another machine too. */
export function loopbackLast(addresses: readonly string[]): string[] {
  return addresses.toSorted((a, b) => Number(loopback.test(a)) - Number(loopback.test(b)));
}

function jsonOf({ id, name, connected, kind, inDht, addresses }: PeerInfo): PeerJson {
  return { id, name: name ?? null, connected, kind, inDht, addresses: [...addresses] };
}

function rowOf({ id, name, connected, kind, inDht, addresses }: PeerInfo): string[] {
  const traits = [
    connected ? 'connected' : 'known',
    ...(kind === 'peerd' ? [] : [kind]),
    ...(inDht ? ['dht'] : []),
  ];
  return [idCell(id), name ?? '-', traits.join(','), addressCell(id, addresses)];
}

/** On a terminal, where an id has a column of its own: one address, and how many more there are. */
function addressCell(id: string, [first, ...more]: readonly string[]): string {
  if (first === undefined) return '-';
  if (!process.stdout.isTTY) return [first, ...more].join(' ');
  const short = first.endsWith(`/p2p/${id}`) ? first.slice(0, -`/p2p/${id}`.length) : first;
  return more.length === 0 ? short : `${short} and ${more.length} more`;
}
