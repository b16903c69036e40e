import type { MessageQueue } from '@peerd/protocol';
import type { Held } from './lease.ts';

/** A subscription as a session holds it. What comes goes into the queue, and what is missed is counted there. */
export function heldSubscription(
  topics: readonly string[],
  maxQueued: number,
  queue: MessageQueue,
  isResumed: boolean,
): Held {
  // The global one: node:crypto, loaded with this file, costs every program 4 ms at its start.
  const lease = isResumed ? crypto.randomUUID() : '';
  const asked = { topics: [...topics], maxQueued: Math.min(maxQueued, 0xffff_ffff), lease };
  /** Messages that came, and those that the daemon counted as missed: its own count, when all has arrived. */
  let heard = 0;
  return {
    about: { kind: 'subscription', topics },
    body: (again) => ({
      case: 'subscribe',
      value: again ? { ...asked, heard: BigInt(heard) } : asked,
    }),
    stands(again, missed) {
      if (!again) return;
      // The daemon began to count anew when it does not know.
      heard = missed === undefined ? 0 : heard + missed;
      queue.miss(missed);
    },
    frame(body) {
      if (body.case !== 'message') return;
      heard += 1 + body.value.missed;
      queue.push(body.value);
    },
    ended: (error) => queue.end(error),
  };
}
