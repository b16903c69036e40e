import type { ClientInfo, NodeTop, QueueInfo } from '@peerd/protocol';
import { FrameQuota, maxOpenCalls, maxUnsentBytes } from '@peerd/protocol/control';

/** Connections at a time. Each costs a descriptor and some buffers; the next one is told `busy`. */
export const maxClients = 1_024;

/**
 * Connections past these that may wait for that word at a time, from their start to at most 6 s later: a burst of programs
 * is told, a flood costs a quarter of the descriptors that the clients do. The next one is closed without a word.
 */
export const maxTurnedAway = 256;

/**
 * Bytes kept for frames that have come in part, from all clients together: as many as the payloads of calls in flight may
 * have by default, and eight of the longest frames. Past it the client whose frame has no room is disconnected with `busy`.
 */
export const maxPartialFrameBytes: number = 256 * 1024 * 1024;

/** What clients were refused, since the start, and the room that they share. */
export class Refusals {
  /** Connections past `maxClients`, told so or not. */
  clients = 0;
  /** Calls past `maxOpenCalls` of one client. */
  calls = 0;
  /** Clients that were disconnected because they did not read. */
  unread = 0;
  /** Frames that have come in part. */
  readonly partial: FrameQuota = new FrameQuota(maxPartialFrameBytes);
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
      {
        name: 'bytes of frames that have come in part',
        unit: 'bytes',
        size: refusals.partial.bytes,
        limit: refusals.partial.limit,
        refused: refusals.partial.refused,
      },
      lingering,
    ],
  };
}
