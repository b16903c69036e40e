import process from 'node:process';
import type { PeerInfo, UnreachedPeer } from '@peerd/protocol';
import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import { span } from '../figures.ts';
import type { PeerJson, UnreachedPeerJson } from '../json/network.ts';
import { errorJson, jsonMs } from '../output.ts';
import { idCell, table } from '../table.ts';

/** A peer of the node's table, or one of the configuration that may not be in it. */
type Listed = Omit<PeerInfo, 'id'> & { readonly id: string | undefined; readonly isUnreached: boolean };

export function peersCommand(): Command {
  const command = new Command('peers')
    .description('List the peers a daemon knows, connected ones first, and those it is configured to reach')
    .action(async () => {
      const output = outputOf(command);
      const [known, status] = await withDaemon(command, (node) => Promise.all([node.peers(), node.status()]));
      const { unreached } = status;
      if (output.json) {
        for (const peer of known) output.object(jsonOf(peer));
        for (const peer of unreached) output.object(unreachedJson(peer));
        return;
      }
      const peers = listed(known, unreached);
      if (peers.length === 0) output.note('no peers are known');
      else output.text((await table(['ID', 'NAME', 'STATE', 'ADDRESSES'], peers.map(rowOf))).join('\n'));
      for (const peer of unreached) output.note(reasonOf(peer));
      const { routed } = status.peers;
      if (routed > 0)
        output.note(
          `${routed} ${routed === 1 ? 'peer' : 'peers'} without a connection can be reached over others: peerd routes`,
        );
    });
  return withExamples(
    command,
    ['peerd peers', "peerd peers --json | jq -r 'select(.connected).id'"],
    `A peer of the configuration (--peer, peers) that there is no connection to is unreached. Why, and when it is dialled again,
is told on standard error, and with --json in an object of its own that has "event": "unreached". Its id is not known before
it has been reached, unless its address ends in /p2p/ID.

Peers that there is no connection to, and that others lead to, are in \`peerd routes\`; how many they are is told on standard
error.`,
  );
}

function listed(known: readonly PeerInfo[], unreached: readonly UnreachedPeer[]): Listed[] {
  const ids = new Set<string | undefined>(known.map(({ id }) => id));
  const out = new Set<string | undefined>(unreached.map(({ id }) => id));
  const nothing = { connected: false, kind: 'unknown', inDht: false, isUnreached: true } as const;
  return [
    ...known.map((peer) => ({
      ...peer,
      addresses: loopbackLast(peer.addresses),
      isUnreached: out.has(peer.id),
    })),
    ...unreached.flatMap(({ id, address }) =>
      id !== undefined && ids.has(id) ? [] : [{ ...nothing, id, addresses: [address] }],
    ),
  ];
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

function jsonOf({ id, name, connected, kind, inDht, addresses }: PeerInfo): PeerJson {
  return { id, name: name ?? null, connected, kind, inDht, addresses: loopbackLast(addresses) };
}

function unreachedJson({ id, address, error, nextDialMs }: UnreachedPeer): UnreachedPeerJson {
  return {
    event: 'unreached',
    id: id ?? null,
    address,
    error: error === undefined ? null : errorJson(error),
    nextDialMs: nextDialMs === undefined ? null : jsonMs(nextDialMs),
  };
}

function rowOf({ id, name, connected, kind, inDht, addresses, isUnreached }: Listed): string[] {
  const traits = [
    connected ? 'connected' : isUnreached ? 'unreached' : 'known',
    ...(kind === 'peerd' || (kind === 'unknown' && isUnreached) ? [] : [kind]),
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
