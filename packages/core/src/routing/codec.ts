import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type EntrySchema,
  ExchangeSchema,
  type Advert as ReadAdvert,
  type Exchange as ReadExchange,
} from '../gen/peerd/routing/v1/routing_pb.ts';
import { isPeerId } from '../peer-keys.ts';
import {
  type Advert,
  type Entry,
  type Exchange,
  MAX_ENTRIES,
  MAX_LINKS,
  MAX_REQUESTS,
  MAX_SEQUENCE,
} from './messages.ts';

/** What arrived is no exchange. */
export class RoutingCodecError extends Error {
  override readonly name = 'RoutingCodecError';
}

export function encodeExchange(exchange: Exchange): Uint8Array {
  const message = create(ExchangeSchema, {
    epoch: BigInt(exchange.epoch),
    base: BigInt(exchange.base),
    version: BigInt(exchange.version),
    ack: BigInt(exchange.ack),
    entries: exchange.entries.map(encodedEntry),
    requests: exchange.requests.map((request) => ({ ...request, sequence: BigInt(request.sequence) })),
  });
  return toBinary(ExchangeSchema, message);
}

/** About what an entry takes, and no less. */
export function entryBytes({ origin, advert }: Entry): number {
  const row = origin.length + 40;
  if (advert === undefined) return row;
  const { name, encryptionKey, signature, links } = advert;
  let bytes = row + 40 + 3 * name.length + encryptionKey.length + signature.length;
  for (const neighbour of links?.neighbours ?? []) bytes += neighbour.length + 3;
  return bytes;
}

/** Throws nothing but `RoutingCodecError`. What adverts say is not checked here. */
export function decodeExchange(bytes: Uint8Array): Exchange {
  const { epoch, base, version, ack, entries, requests } = read(bytes);
  if (entries.length > MAX_ENTRIES || requests.length > MAX_REQUESTS)
    throw new RoutingCodecError('more rows or requests than an exchange has');
  return {
    epoch: numberOf(epoch),
    base: numberOf(base),
    version: numberOf(version),
    ack: numberOf(ack),
    entries: entries.map(({ origin, sequence, distance, advert, ageMs }): Entry => {
      checkPeer(origin);
      const read = advert && decodedAdvert(origin, advert);
      return { origin, sequence: numberOf(sequence), distance, advert: read, ageMs };
    }),
    requests: requests.map(({ origin, sequence, hops }) => {
      checkPeer(origin);
      return { origin, sequence: numberOf(sequence), hops };
    }),
  };
}

function encodedEntry(entry: Entry): MessageInitShape<typeof EntrySchema> {
  const { origin, sequence, distance, advert, ageMs } = entry;
  const row = { origin, sequence: BigInt(sequence), distance, ageMs };
  if (advert === undefined) return row;
  const { name, encryptionKey, signature, links } = advert;
  const own = { name, encryptionKey, signature, sequence: BigInt(advert.sequence) };
  if (links === undefined) return { ...row, advert: own };
  return {
    ...row,
    advert: {
      ...own,
      links: { ...links, neighbours: [...links.neighbours], issuedMs: BigInt(links.issuedMs) },
    },
  };
}

function decodedAdvert(origin: string, advert: ReadAdvert): Advert {
  const { name, encryptionKey, signature, links } = advert;
  const sequence = numberOf(advert.sequence);
  if (sequence > MAX_SEQUENCE) throw new RoutingCodecError('a sequence that no clock has come to');
  const read = { origin, sequence, name, encryptionKey, signature };
  if (links === undefined) return read;
  const { neighbours, forwards, issuedMs } = links;
  if (neighbours.length > MAX_LINKS) throw new RoutingCodecError('more links than an advert has');
  for (const neighbour of neighbours) checkPeer(neighbour);
  return { ...read, links: { neighbours, forwards, issuedMs: numberOf(issuedMs) } };
}

function read(bytes: Uint8Array): ReadExchange {
  try {
    return fromBinary(ExchangeSchema, bytes);
  } catch (cause) {
    throw new RoutingCodecError('malformed routes', { cause });
  }
}

function numberOf(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RoutingCodecError('a number that is too large');
  return Number(value);
}

function checkPeer(id: string): void {
  if (!isPeerId(id)) throw new RoutingCodecError('a peer whose id is none');
}
