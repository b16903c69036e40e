import type { PeerdError, PeerInfo } from '@peerd/protocol';
import type { PeerKind } from './messages.ts';

/** Addresses kept of one peer; the newest push out the oldest. */
const MAX_ADDRESSES = 16;

/** What is known of one peer. */
export class PeerRecord {
  readonly id: string;
  name: string | undefined;
  kind: PeerKind | undefined;
  isInDht = false;
  readonly addresses: Set<string> = new Set();
  /** By the connection's id, oldest first. */
  readonly connections: Map<string, 'greeting' | 'usable' | 'refused'> = new Map();
  /** Where the far end of each connection is: that of one we dialled listens there. */
  readonly remotes: Map<string, { readonly address: string; readonly isDialled: boolean }> = new Map();
  /** How the last greeting ended, if not well: what a caller is told until there is another. */
  refusal: PeerdError | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get isConnected(): boolean {
    return this.connections.size > 0;
  }

  /** Whether a connection is still being greeted. */
  get isOnTheWay(): boolean {
    for (const phase of this.connections.values()) if (phase === 'greeting') return true;
    return false;
  }

  /** The oldest connection that may be used. */
  get usable(): string | undefined {
    for (const [connection, phase] of this.connections) if (phase === 'usable') return connection;
    return undefined;
  }

  /** Whether it is known where to dial it. */
  get isDialable(): boolean {
    return this.addresses.size > 0 || this.isInDht;
  }

  /** Whether all there is has been refused and is being closed. */
  get isGoing(): boolean {
    return this.isConnected && !this.isOnTheWay && this.usable === undefined;
  }

  learn(addresses: readonly string[]): void {
    for (const known of addresses) {
      // One form for all, so that none is there twice: the one that can be dialled as it is.
      const address = known.includes('/p2p/') ? known : `${known}/p2p/${this.id}`;
      this.addresses.delete(address);
      this.addresses.add(address);
    }
    for (const oldest of this.addresses) {
      if (this.addresses.size <= MAX_ADDRESSES) break;
      this.addresses.delete(oldest);
    }
  }

  /** Whether an address without a peer id is one that it can be dialled at, or is connected from. */
  isAt(address: string): boolean {
    const ending = `/p2p/${this.id}`;
    if (this.addresses.has(address + ending)) return true;
    for (const remote of this.remotes.values())
      if (remote.address === address || remote.address === address + ending) return true;
    return false;
  }

  /**
   * Where it can be dialled, as far as is known: the far end of a connection that we dialled, else the newest address that
   * it listens on, of the host that it is connected from if there is one. The port of a connection that came in is of no
   * use to anybody.
   */
  dialableBy(connection: string): string | undefined {
    const remote = this.remotes.get(connection);
    if (remote?.isDialled) return remote.address;
    const newestFirst = [...this.addresses].reverse();
    const host = remote?.address.split('/').slice(0, 3).join('/');
    return newestFirst.find((address) => address.startsWith(`${host}/`)) ?? newestFirst[0];
  }

  info(): PeerInfo {
    return {
      id: this.id,
      ...(this.name === undefined ? {} : { name: this.name }),
      connected: this.usable !== undefined,
      kind: this.kind ?? 'unknown',
      inDht: this.isInDht,
      addresses: [...this.addresses],
    };
  }

  snapshot(): unknown {
    return { ...this.info(), connections: [...this.connections] };
  }
}

/** Connected ones first, then by name and id. */
export function inOrder(a: PeerInfo, b: PeerInfo): number {
  return (
    Number(b.connected) - Number(a.connected) ||
    Number(a.name === undefined) - Number(b.name === undefined) ||
    (a.name ?? '').localeCompare(b.name ?? '') ||
    a.id.localeCompare(b.id)
  );
}

/** Whether there is a connection to any of them. */
export function isAnyUsable(records: Iterable<PeerRecord>): boolean {
  for (const { usable } of records) if (usable !== undefined) return true;
  return false;
}
