import type { Limits } from './config.ts';

/** Services whose name starts so are peerd's own: they are answered by a feature, not by a handler. */
const INTERNAL_SERVICE_PREFIX = '$peerd/';

/** By this one a subscriber learns that a neighbour has heard of its subscription. */
export const SUBSCRIBED_SERVICE = '$peerd/subscribed';

/** By this one neighbours tell each other their routes. */
export const ROUTES_SERVICE = '$peerd/routes';

/**
 * Bytes of one request or answer of these, whatever a program's may have: routes have to be exchanged also where programs send
 * little, and to read more than that would hold up the loop.
 */
const MAX_INTERNAL_BYTES: number = 64 * 1024;

/** Bytes of one request to a service, or of one answer. */
export function maxBytesOf(service: string, { maxPayloadBytes }: Limits): number {
  return isInternal(service) ? MAX_INTERNAL_BYTES : maxPayloadBytes;
}

/** Whether it is one of peerd's own, or could be one day. */
export function isInternal(service: string): boolean {
  return service.startsWith(INTERNAL_SERVICE_PREFIX);
}

export const internalServices: ReadonlySet<string> = new Set([SUBSCRIBED_SERVICE, ROUTES_SERVICE]);
