import type { TraceHop, TraceResult } from '@peerd/protocol';
import { Command } from 'commander';
import { durationOption, interruption, outputOf, peerArgument, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { TraceJson } from '../json/network.ts';
import { jsonMs } from '../output.ts';
import { idCell, table } from '../table.ts';

export function traceCommand(): Command {
  const command = new Command('trace')
    .description('Show the way to a peer: who passes on what is sent there')
    .addArgument(peerArgument())
    .option('--timeout <duration>', 'give up after this long (default: 10s)', durationOption)
    .action(async (peer: string, { timeout }: { timeout?: number }) => {
      const output = outputOf(command);
      const signal = interruption();
      const options = { signal, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
      const trace = await withDaemon(command, (node) => node.trace(peer, options), signal);
      if (output.json) return output.object(jsonOf(trace));
      const rows = trace.hops.map(rowOf);
      output.text((await table(['HOP', 'NAME', 'PEER', 'ROUND TRIP'], rows)).join('\n'));
    });
  return withExamples(
    command,
    ['peerd trace bob', "peerd trace bob --json | jq -r '.hops[].name'"],
    `The columns are: links from here, who is there, by its own word for its name and by its id, and the time there and back. The
last line is the peer itself; where there is a connection to it, it is the only one. Each answer is signed by who gives it. One
that gives none is shown as "no answer"; the way goes on behind it.`,
  );
}

/** A line of the table. */
export function rowOf({ hop, peer, name, rttMs }: TraceHop): string[] {
  return [
    `${hop}`,
    name ?? '-',
    peer === undefined ? 'no answer' : idCell(peer),
    rttMs === undefined ? '-' : `${rttMs.toFixed(2)} ms`,
  ];
}

export function jsonOf({ peer, name, hops }: TraceResult): TraceJson {
  return {
    peer,
    name: name ?? null,
    hops: hops.map(({ hop, peer: at, name: called, rttMs }) => ({
      hop,
      peer: at ?? null,
      name: called ?? null,
      rttMs: rttMs === undefined ? null : jsonMs(rttMs),
    })),
  };
}
