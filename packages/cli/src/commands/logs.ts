import type { LogRecord, SocketClient } from '@peerd/client';
import { Command, Option } from 'commander';
import { collect, countOption, Interrupted, interruption, outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { LogRecordJson } from '../json/daemon.ts';

interface Options {
  follow?: boolean;
  lines?: number;
  level?: LogRecord['level'];
  area?: string[];
}

export function logsCommand(): Command {
  const command = new Command('logs')
    .description('Print what a daemon has logged')
    .option('-f, --follow', 'go on with what it logs from now on, until Ctrl-C')
    .option('-n, --lines <number>', 'only the last so many (default: all that it has kept)', countOption)
    .addOption(
      new Option('--level <level>', 'from this level up').choices(['debug', 'info', 'warn', 'error']),
    )
    .option('--area <area>', 'only what is about that: hello, request, …; may be repeated', collect)
    .action(async ({ follow, lines: last, level, area: areas }: Options) => {
      const output = outputOf(command);
      const signal = interruption();
      const work = async (node: SocketClient) => {
        // What it does not take it refuses before anything is said to be followed.
        if (follow) for await (const _ of node.logs({ last: 1, level, areas, signal }));
        if (follow && !output.json) output.note(`following the log of ${node.daemon.name} (Ctrl-C ends it)`);
        for await (const record of node.logs({ follow, last, level, areas, signal })) {
          if (record.missed > 0 && !output.json)
            output.note(`missed ${record.missed} records: this terminal was too slow`);
          if (output.json) output.object(record satisfies LogRecordJson);
          else output.line(lineOf(record));
        }
        if (follow) throw await node.closed;
      };
      await withDaemon(command, work, signal).catch((error: unknown) => {
        // Ctrl-C is how one leaves what would go on for ever.
        if (!(follow && error instanceof Interrupted)) throw error;
      });
    });
  return withExamples(
    command,
    ['peerd logs', 'peerd logs -f --area request --level debug', 'peerd logs -n 20 --name alice --json'],
    `A daemon keeps its last 2,000 records, 1 MiB at most, of the levels that it
logs (log_level and log_levels of its configuration). An area that does not exist
is a mistake, and the answer lists those that do. Ctrl-C ends -f with exit status 0.`,
  );
}

function lineOf({ timeMs, level, area, message }: LogRecord): string {
  const time = new Date(timeMs);
  const local = new Date(timeMs - time.getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, -1)
    .replace('T', ' ');
  return `${local} ${level.toUpperCase().padEnd(5)} ${area}: ${message}`;
}
