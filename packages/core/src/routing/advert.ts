import type { Advert } from './messages.ts';

/** What of an advert is signed. */
type Statement = Omit<Advert, 'signature'>;

/**
 * The bytes that an origin signs: no other network's advert, and nothing else that it signs, can pass for this one. The
 * texts have no line breaks, the key comes last.
 */
export function advertStatement(network: string, advert: Statement): Uint8Array {
  const { origin, sequence, name, encryptionKey } = advert;
  const head = `peerd routing advert 1\n${JSON.stringify(network)}\n${origin}\n${sequence}\n${JSON.stringify(name)}\n`;
  return Buffer.concat([Buffer.from(head), encryptionKey]);
}
