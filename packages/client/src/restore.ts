import { PeerdError } from '@peerd/protocol';
import { Backoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import type { NotRestored } from './events.ts';
import type { Lease } from './lease.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * How long what a daemon has no room for is asked for again, in milliseconds: many clients come back to it at once. All
 * that waits for the connection waits for this too; half of the time that a request has by default.
 */
const busyForMs = 5_000;

export interface Restored {
  /** Messages that the subscriptions missed; undefined when the daemon does not know for all of them. */
  missed: number | undefined;
  readonly notRestored: NotRestored[];
}

/**
 * Asks for everything that stood, on a new connection. What the daemon refuses has ended, but what it is only too
 * busy for is asked for again for a while. Fails when the connection is lost meanwhile, or the daemon is frozen.
 */
export async function restore(
  leases: Iterable<Lease>,
  connection: Connection,
  surroundings: Surroundings,
): Promise<Restored> {
  const restored: Restored = { missed: 0, notRestored: [] };
  const untilMs = surroundings.nowMs() + busyForMs;
  const restoreOne = async (lease: Lease) => {
    try {
      const missed = await attach(lease, connection, surroundings, untilMs);
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

async function attach(
  lease: Lease,
  connection: Connection,
  surroundings: Surroundings,
  untilMs: number,
): Promise<number | undefined> {
  const backoff = new Backoff(() => surroundings.random());
  for (;;)
    try {
      return await lease.attach(connection);
    } catch (error) {
      const leftMs = untilMs - surroundings.nowMs();
      if (!passes(error) || leftMs <= 0) throw error;
      await pause(Math.min(backoff.next(), leftMs), lease, connection, surroundings);
      if (connection.isOver || lease.isOver) throw error;
    }
}

/** The daemon may take it in a moment: it is overloaded, or what it is made of is being started or stopped. */
function passes(error: unknown): boolean {
  return error instanceof PeerdError && (error.code === 'busy' || error.code === 'stopped');
}

/** Is over early with the lease or the connection. */
async function pause(
  delayMs: number,
  lease: Lease,
  connection: Connection,
  surroundings: Surroundings,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const stopTimer = surroundings.after(delayMs, () => resolve(undefined));
  await Promise.race([promise, lease.over, connection.closed]);
  stopTimer();
}
