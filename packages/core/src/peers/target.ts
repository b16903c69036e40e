/** What a caller may mean by a peer, parsed: see `parseTarget` in host/address.ts. */
export type Target =
  | { readonly kind: 'id'; readonly key: string; readonly peer: string }
  /** `peer` is absent when the multiaddr does not end in `/p2p/<id>`. */
  | { readonly kind: 'address'; readonly key: string; readonly address: string; readonly peer?: string }
  /** A name, or a prefix of a peer id. */
  | { readonly kind: 'word'; readonly key: string };

/** Shortest prefix of a peer id that is looked up. All Ed25519 ids share their first eight characters. */
export const MIN_PREFIX_LENGTH = 4;

/** The peers that are meant, of those targets that say so themselves. */
export function idsOf(targets: readonly Target[]): Set<string> {
  return new Set(targets.flatMap((target) => (target.kind === 'word' ? [] : (target.peer ?? []))));
}
