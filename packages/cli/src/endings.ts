import process from 'node:process';

/** The signals that ask a program to end, with the exit status that a shell shows after each. */
export const endings = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export type Ending = keyof typeof endings;

/**
 * Ends this process by the signal that it was told to end with. A shell goes on with its loop, or with its script, after a
 * program that exits by itself, whatever its status.
 */
export function endBy(signal: Ending): never {
  // The last of the listeners: those of what has to be cleaned up come before it.
  process.once('exit', () => {
    // There are no signals: a process that is sent one ends with status 1.
    if (process.platform === 'win32') return;
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
  // Where the signal has no effect, as on the first process of a container, the status tells it.
  process.exit(endings[signal]);
}
