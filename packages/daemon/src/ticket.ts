import { createHash } from 'node:crypto';
import { checkConfig } from '@peerd/core';
import { PeerdError } from '@peerd/protocol';
import { z } from 'zod';

/** What one needs to join a network. */
export interface Ticket {
  /** The peer that made it. */
  id: string;
  /** Multiaddrs of that peer, without `/p2p/<id>`. */
  addresses: readonly string[];
  network: string;
  /** The secret of the network, for those who do not have it. */
  secret?: string | undefined;
  /** How its peers route. Default: by table. */
  strategy?: 'source' | undefined;
}

/*
 * One word, so that it survives a paste: `peerd1`, then in base64url the ticket in JSON and a checksum. A ticket of
 * another version begins with another number.
 */

const prefix = 'peerd1';

/** Bytes of SHA-256: one slip in 4 billion passes. */
const checksumBytes = 4;

/** Longest ticket: one with all addresses and the longest secret has some 6,000 characters. */
const maxTicketLength = 8_192;

const maxAddresses = 16;

const schema = z.strictObject({
  i: z.string().regex(/^[A-Za-z0-9]{1,128}$/),
  a: z.array(z.string().min(1).max(256)).min(1).max(maxAddresses),
  n: z.string().min(1).max(63),
  s: z.string().min(1).max(1_024).optional(),
  r: z.literal('source').optional(),
});

/** Fails with `invalid` on more addresses, or a longer secret, than a ticket takes. */
export function encodeTicket({ id, addresses, network, secret, strategy }: Ticket): string {
  const fields = schema.safeParse({ i: id, a: addresses, n: network, s: secret, r: strategy });
  if (!fields.success)
    throw new PeerdError(
      'invalid',
      `this does not fit into a ticket: 1 to ${maxAddresses} addresses of 256 characters, a secret of 1,024`,
    );
  const body = Buffer.from(JSON.stringify(fields.data));
  return prefix + Buffer.concat([body, checksum(body)]).toString('base64url');
}

/** Fails with `invalid`: no ticket, not whole, or one of another version. The text itself never appears in the error. */
export function decodeTicket(text: string): Ticket {
  const word = text.trim();
  if (!/^peerd\d/.test(word) || word.length > maxTicketLength)
    throw new PeerdError(
      'invalid',
      `this is no ticket: one is a word that begins with ${prefix}, from peerd ticket`,
    );
  if (!word.startsWith(prefix)) throw new PeerdError('invalid', 'the ticket was made by a newer peerd');
  const encoded = word.slice(prefix.length);
  const bytes = Buffer.from(encoded, 'base64url');
  const body = bytes.subarray(0, -checksumBytes);
  if (bytes.toString('base64url') !== encoded || !bytes.subarray(-checksumBytes).equals(checksum(body)))
    throw new PeerdError('invalid', 'the ticket is not whole: copy all of its line');
  const fields = schema.safeParse(parsed(body));
  if (!fields.success) throw new PeerdError('invalid', 'the ticket holds something else than a ticket does');
  const { i: id, a: addresses, n: network, s: secret, r: strategy } = fields.data;
  return {
    id,
    addresses,
    network,
    ...(secret === undefined ? {} : { secret }),
    ...(strategy === undefined ? {} : { strategy }),
  };
}

/** The addresses of a node that belong into a ticket: those that others can use, if there are any. */
export function addressesFor(
  id: string,
  listened: readonly string[],
): { addresses: string[]; isLoopbackOnly: boolean } {
  const own = listened.map((address) => withoutPeer(id, address));
  const reachable = own.filter((address) => !/^\/(ip4\/127\.|ip6\/::1\/|ip6\/fe[89ab])/i.test(address));
  const chosen = reachable.length > 0 ? reachable : own;
  return { addresses: chosen.slice(0, maxAddresses), isLoopbackOnly: reachable.length === 0 };
}

/** An address that somebody gave, as it is in a ticket. Fails with `invalid` when it is none, or another peer's. */
export function addressOf(id: string, address: string): string {
  const own = withoutPeer(id, address);
  if (own.includes('/p2p/'))
    throw new PeerdError('invalid', `${address} is an address of another peer: this one is ${id}`);
  checkConfig({ name: 'x', secret: new Uint8Array(), peers: [own] });
  return own;
}

function withoutPeer(id: string, address: string): string {
  const end = `/p2p/${id}`;
  return address.endsWith(end) ? address.slice(0, -end.length) : address;
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(prefix).update(body).digest().subarray(0, checksumBytes);
}
