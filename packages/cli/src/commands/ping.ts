import { Command } from 'commander';
import { durationOption, interruption, outputOf, peerArgument, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { PingJson } from '../json/network.ts';
import { jsonMs } from '../output.ts';

export function pingCommand(): Command {
  const command = new Command('ping')
    .description('Measure the round trip to a peer, connecting to it if need be and possible')
    .addArgument(peerArgument())
    .option('--timeout <duration>', 'give up after this long (default: 10s)', durationOption)
    .action(async (peer: string, { timeout }: { timeout?: number }) => {
      const output = outputOf(command);
      const signal = interruption();
      const options = { signal, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
      const {
        peer: id,
        rttMs,
        routed,
      } = await withDaemon(command, (node) => node.ping(peer, options), signal);
      const json: PingJson = { peer: id, rttMs: jsonMs(rttMs), routed };
      output.result(`${id}: ${rttMs.toFixed(2)} ms${routed ? ', over others' : ''}`, json);
    });
  return withExamples(
    command,
    ['peerd ping bob', 'peerd ping /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW… --timeout 3s'],
    `A peer that there is no connection to, and that others lead to, is asked over them, as a request is: "over others", and with
--json "routed". \`peerd trace\` tells over whom. By an address only that address is tried.`,
  );
}
