import process from 'node:process';
import type { SocketClient } from '@peerd/client';
import type { NodeTop } from '@peerd/protocol';
import { Command } from 'commander';
import { durationOption, Interrupted, interruption, outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { Output } from '../output.ts';
import { checkInterval, defaultIntervalMs, pause, showPages } from '../refresh.ts';

interface Options {
  once?: boolean;
  interval?: number;
}

export function topCommand(): Command {
  const command = new Command('top')
    .description('Show how busy a daemon is: its loop, its queues, its clients')
    .option('--once', 'one snapshot; so it is anyway when the output is no terminal')
    .option('--interval <duration>', 'time between snapshots, 100ms or more (default: 1s)', durationOption)
    .action(async (options: Options) => {
      const output = outputOf(command);
      checkInterval(options.interval);
      const signal = interruption();
      const live = options.once !== true && process.stdout.isTTY && !output.json;
      const again = options.once !== true && (live || options.interval !== undefined);
      const work = (node: SocketClient) =>
        live
          ? show(node, options, signal)
          : print(node, output, again ? options.interval : undefined, signal);
      await withDaemon(command, work, signal).catch((error: unknown) => {
        // Ctrl-C is how one leaves what would go on for ever.
        if (!(again && error instanceof Interrupted)) throw error;
      });
    });
  return withExamples(
    command,
    [
      'peerd top',
      'peerd top --once --name alice',
      "peerd top --json --once | jq '.queues[] | select(.refused > 0)'",
    ],
    `On a terminal it shows a page that is refreshed until q or Ctrl-C; else one snapshot, or with --interval one after the
other. Loop: a wait is how long a command lay there before the loop took it, the longest of the last 10 to 20 s. Queues:
those that have refused something come first, then by how full they are; past its limit the answer is busy, or something is
counted as missed. What was refused or dropped for another reason follows, by the reason. Clients: programs on the daemon's socket; UNREAD is what waits for one to read it, with a ! when the
daemon takes nothing more from it until it does. A terminal that is too narrow for all columns lacks some.`,
  );
}

/** Snapshots one after the other, or with no interval just one. */
async function print(
  node: SocketClient,
  output: Output,
  intervalMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { jsonOf, linesOf } = await import('../top/snapshot.ts');
  let before: NodeTop | undefined;
  do {
    const top = await node.top({ signal });
    if (output.json) output.object(jsonOf(top));
    else {
      if (before !== undefined) output.text('');
      for (const line of await linesOf(top, { daemon: node.daemon.name, before })) output.line(line);
    }
    before = top;
  } while (intervalMs !== undefined && (await pause(intervalMs, signal)));
}

/** A page on the terminal, made again and again. */
async function show(
  node: SocketClient,
  { interval = defaultIntervalMs }: Options,
  interrupted: AbortSignal,
): Promise<void> {
  const { linesOf } = await import('../top/snapshot.ts');
  let before: NodeTop | undefined;
  const page = async (signal: AbortSignal) => {
    const top = await node.top({ signal });
    const lines = await linesOf(top, { daemon: node.daemon.name, before, brief: true });
    before = top;
    return lines;
  };
  await showPages(page, interval, interrupted);
}
