import { PeerdError } from '@peerd/protocol';
import { Command } from 'commander';
import { durationOption, interruption, outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { StopJson } from '../json/daemon.ts';

/** A daemon ends within 5 s of being told to; a machine that is busy may need longer for the rest. */
const defaultTimeoutMs = 10_000;

export function stopCommand(): Command {
  const command = new Command('stop')
    .description('Stop a daemon, and wait until it is gone')
    .option('--timeout <duration>', 'wait this long (default: 10s)', durationOption)
    .action(async ({ timeout = defaultTimeoutMs }: { timeout?: number }) => {
      const output = outputOf(command);
      const signal = interruption();
      const { id, name } = await withDaemon(
        command,
        async (node) => {
          await node.stop();
          await within(timeout, node.closed, signal, node.daemon.name);
          return node.daemon;
        },
        signal,
        { whileStopping: true },
      );
      output.result(`${name} is stopped`, { daemon: name, id } satisfies StopJson);
    });
  return withExamples(
    command,
    ['peerd stop', 'peerd stop --name alice && peerd start --name alice'],
    `Calls in flight have 4 s to end, new ones are refused. When this ends, the daemon's name, address and data directory are
free again, also when the daemon was stopping already. Exit status 6 when it takes too long: it was told to stop all the
same; 8 when there is none.`,
  );
}

async function within(
  timeoutMs: number,
  gone: Promise<unknown>,
  signal: AbortSignal,
  name: string,
): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      late.reject(
        new PeerdError('timeout', `${name} was told to stop ${timeoutMs} ms ago, and is still there`),
      ),
    timeoutMs,
  );
  const interrupted = () => late.reject(signal.reason);
  signal.addEventListener('abort', interrupted, { once: true });
  try {
    await Promise.race([gone, late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupted);
  }
}
