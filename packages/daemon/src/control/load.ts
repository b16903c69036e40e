import type { ClientInfo, NodeTop, QueueInfo } from '@peerd/protocol';
import { maxOpenCalls, maxUnsentBytes } from '@peerd/protocol/control';

/** Connections at a time. Each costs a descriptor and some buffers; the next one is told `busy`. */
export const maxClients = 1_024;

/**
 * Connections past these that may wait for that word at a time, from their start to at most 6 s later: a burst of programs
 * is told, a flood costs a quarter of the descriptors that the clients do. The next one is closed without a word.
 */
export const maxTurnedAway = 256;

/** What clients were refused, since the start. */
export class Refusals {
  /** Connections past `maxClients`, told so or not. */
  clients = 0;
  /** Calls past `maxOpenCalls` of one client. */
  calls = 0;
  /** Clients that were disconnected because they did not read. */
  unread = 0;
}

/** The control socket's part of `top`; `connections` are also those that have not greeted, or are about to end. */
export function loadOf(
  clients: readonly ClientInfo[],
  connections: number,
  refusals: Refusals,
  lingering: QueueInfo,
): Pick<NodeTop, 'clients' | 'queues'> {
  const worst = (of: (client: ClientInfo) => number) => Math.max(0, ...clients.map(of));
  return {
    clients,
    queues: [
      {
        name: 'clients',
        unit: 'items',
        size: connections,
        limit: maxClients,
        refused: refusals.clients,
      },
      {
        name: 'calls of the busiest client',
        unit: 'items',
        size: worst(({ calls }) => calls),
        limit: maxOpenCalls,
        refused: refusals.calls,
      },
      {
        name: 'bytes that the slowest client has to read',
        unit: 'bytes',
        size: worst(({ unsentBytes }) => unsentBytes),
        limit: maxUnsentBytes,
        refused: refusals.unread,
      },
      lingering,
    ],
  };
}
