import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type EntrySchema,
  ExchangeSchema,
  type Exchange as ReadExchange,
} from '../gen/peerd/routing/v1/routing_pb.ts';
import { type Advert, type Entry, type Exchange, MAX_ENTRIES, MAX_REQUESTS } from './messages.ts';

/** Longest peer id: an Ed25519 one has 52 characters. */
const MAX_ORIGIN_LENGTH = 128;

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
  return advert === undefined
    ? row
    : row + 40 + 3 * advert.name.length + advert.encryptionKey.length + advert.signature.length;
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
    entries: entries.map(({ origin, sequence, distance, advert }): Entry => {
      checkOrigin(origin);
      const decoded: Advert | undefined =
        advert === undefined
          ? undefined
          : {
              origin,
              sequence: numberOf(advert.sequence),
              name: advert.name,
              encryptionKey: advert.encryptionKey,
              signature: advert.signature,
            };
      return { origin, sequence: numberOf(sequence), distance, advert: decoded };
    }),
    requests: requests.map(({ origin, sequence, hops }) => {
      checkOrigin(origin);
      return { origin, sequence: numberOf(sequence), hops };
    }),
  };
}

function encodedEntry({ origin, sequence, distance, advert }: Entry): MessageInitShape<typeof EntrySchema> {
  const row = { origin, sequence: BigInt(sequence), distance };
  if (advert === undefined) return row;
  const { name, encryptionKey, signature } = advert;
  return { ...row, advert: { name, encryptionKey, signature, sequence: BigInt(advert.sequence) } };
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

function checkOrigin(origin: string): void {
  if (origin.length === 0 || origin.length > MAX_ORIGIN_LENGTH)
    throw new RoutingCodecError('an origin that is no peer id');
}
