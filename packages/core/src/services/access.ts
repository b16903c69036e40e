import type { ServiceAccess } from '@peerd/protocol';

/** Peers that may ask; `undefined`: every peer. */
export type Admitted = ReadonlySet<string> | undefined;

export function admittedBy(access: ServiceAccess): Admitted {
  if (access === 'open') return undefined;
  return new Set(access === 'nobody' ? [] : access.peers);
}

export function admits(admitted: Admitted, peer: string): boolean {
  return admitted === undefined || admitted.has(peer);
}

/** Whom one of the two admits. */
export function either(a: Admitted, b: Admitted): Admitted {
  return a === undefined || b === undefined ? undefined : new Set([...a, ...b]);
}

/** Whom both admit. */
export function both(a: Admitted, b: Admitted): Admitted {
  if (a === undefined) return b;
  return b === undefined ? a : new Set([...a].filter((peer) => b.has(peer)));
}

export function accessOf(admitted: Admitted): ServiceAccess {
  if (admitted === undefined) return 'open';
  return admitted.size === 0 ? 'nobody' : { peers: [...admitted].sort() };
}
