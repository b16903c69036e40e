import type { Advert, Links } from './messages.ts';

/** What of an advert is signed. */
export type Statement = Omit<Advert, 'signature'>;

/**
 * The bytes that an origin signs: no other network's advert, none of the other strategy, and nothing else that it signs can
 * pass for this one. The texts have no line breaks, the key comes last.
 */
export function advertStatement(network: string, advert: Statement): Uint8Array {
  const { origin, sequence, name, encryptionKey, links } = advert;
  const lines = [
    links === undefined ? 'peerd routing advert 1' : 'peerd routing link advert 2',
    JSON.stringify(network),
    origin,
    `${sequence}`,
    JSON.stringify(name),
    ...(links === undefined
      ? []
      : [`${links.issuedMs}`, `${links.forwards}`, JSON.stringify(links.neighbours)]),
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\n')), encryptionKey]);
}

/** Whether two say the same, down to the signature. */
export function isSameAdvert(a: Advert, b: Advert): boolean {
  return (
    a.origin === b.origin &&
    a.sequence === b.sequence &&
    a.name === b.name &&
    Buffer.compare(a.encryptionKey, b.encryptionKey) === 0 &&
    Buffer.compare(a.signature, b.signature) === 0 &&
    a.links?.issuedMs === b.links?.issuedMs &&
    isSameLinks(a.links, b.links)
  );
}

/** Whether they lead to the same peers, whenever each was told. */
export function isSameLinks(a: Links | undefined, b: Links | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.forwards === b.forwards &&
    a.neighbours.length === b.neighbours.length &&
    a.neighbours.every((neighbour, at) => neighbour === b.neighbours[at])
  );
}
