import { PeerdError } from '@peerd/protocol';
import type { Connection } from './connection.ts';
import type { NotRestored } from './events.ts';
import type { Lease } from './lease.ts';

export interface Restored {
  /** Messages that the subscriptions missed; undefined when the daemon does not know for all of them. */
  missed: number | undefined;
  readonly notRestored: NotRestored[];
}

/**
 * Asks for everything that stood, on a new connection. What the daemon refuses has ended. Fails when the connection is
 * lost meanwhile, or the daemon is frozen.
 */
export async function restore(leases: Iterable<Lease>, connection: Connection): Promise<Restored> {
  const restored: Restored = { missed: 0, notRestored: [] };
  const restoreOne = async (lease: Lease) => {
    try {
      const missed = await lease.attach(connection);
      if (lease.about.kind !== 'subscription' || restored.missed === undefined) return;
      restored.missed = missed === undefined ? undefined : restored.missed + missed;
    } catch (cause) {
      const error = PeerdError.from(cause);
      if (connection.isOver || error.code === 'daemon-unavailable') throw error;
      // Released meanwhile.
      if (lease.isOver) return;
      lease.end(error);
      restored.notRestored.push({ ...lease.about, error });
    }
  };
  await Promise.all([...leases].map(restoreOne));
  return restored;
}
