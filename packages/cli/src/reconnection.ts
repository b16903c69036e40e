import type { ConnectionEvent } from '@peerd/client';
import type { PeerdError } from '@peerd/protocol';
import type { LostJson, RestoredJson } from './json/messages.ts';
import { errorJson, jsonMs, type Output } from './output.ts';

/**
 * What a command that outlives its daemon says when that is lost and when it is back. `ended` is called with the reason
 * when the daemon, being back, would not have all that the command needs.
 */
export function narrateConnection(
  output: Output,
  ended: (reason: PeerdError) => void,
): (event: ConnectionEvent) => void {
  return (event) => {
    if (event.type === 'lost') {
      const lost: LostJson = { event: 'lost', error: errorJson(event.error), inFlight: event.inFlightCount };
      if (output.json) output.object(lost);
      else output.note(`lost: ${event.error.message}; waiting for it to be back (Ctrl-C ends this)`);
      return;
    }
    const { daemon, awayMs, missed, notRestored } = event;
    const restored: RestoredJson = {
      event: 'restored',
      daemon: daemon.name,
      awayMs: jsonMs(awayMs),
      missed: missed ?? null,
    };
    if (output.json) output.object(restored);
    else output.note(`${daemon.name} is back after ${(awayMs / 1_000).toFixed(1)} s${told(missed)}`);
    const [first] = notRestored;
    if (first !== undefined) ended(first.error);
  };
}

function told(missed: number | undefined): string {
  if (missed === undefined) return '; what was broadcast meanwhile is missed';
  return missed === 0 ? '' : `; ${missed} messages were missed`;
}
