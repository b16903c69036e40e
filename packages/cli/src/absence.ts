import { resolve } from 'node:path';
import process from 'node:process';
import { runningDaemons, type WhichDaemon } from '@peerd/client';
import { PeerdError } from '@peerd/protocol';
import { absenceReason } from '@peerd/protocol/control';

/**
 * The failure to connect to a daemon that does not run, in the terms of the command line: which one was meant, which run, and,
 * where a daemon is what is wanted, how to start it. Every other error as it is.
 */
export async function explainAbsence(
  error: unknown,
  which: WhichDaemon,
  wantsDaemon: boolean,
): Promise<unknown> {
  if (!(error instanceof PeerdError) || error.code !== 'daemon-unavailable') return error;
  const { PEERD_NAME, PEERD_SOCKET } = process.env;
  const socket = which.socket ?? (which.name === undefined ? PEERD_SOCKET || undefined : undefined);
  const name = which.name ?? (PEERD_NAME || undefined);
  const running = await runningDaemons().catch(() => []);
  const isNamed = socket !== undefined || name !== undefined;
  if (!isNamed && running.length === 0 && !wantsDaemon)
    return new PeerdError('daemon-unavailable', 'no daemon runs', { cause: error });
  const reason = absenceReason((error.cause as NodeJS.ErrnoException | undefined)?.code);
  if (reason === undefined || !isNamed) return error;
  const others =
    running.length === 0
      ? 'no other runs here'
      : `${running.join(', ')} ${running.length === 1 ? 'runs' : 'run'} here`;
  const message =
    socket === undefined
      ? `no daemon called ${name} runs (${reason}); ${others}${wantsDaemon ? `; start it with: peerd start --name ${name}` : ''}`
      : `no daemon is at ${resolve(socket)}: ${reason}; ${others.replace('no other', 'none')}`;
  return new PeerdError('daemon-unavailable', message, { cause: error });
}
