import { Command } from 'commander';
import { durationOption, interruption, outputOf, peerArgument, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { ConnectJson } from '../json/network.ts';

export function connectCommand(): Command {
  const command = new Command('connect')
    .description('Connect to a peer, unless there is a connection')
    .addArgument(peerArgument())
    .option('--timeout <duration>', 'give up after this long (default: 30s)', durationOption)
    .action(async (asked: string, { timeout }: { timeout?: number }) => {
      const output = outputOf(command);
      const signal = interruption();
      const options = { signal, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
      const found = await withDaemon(command, (node) => node.connect(asked, options), signal);
      const { peer, name = null, address = null } = found;
      // An address has the id in it, as a rule.
      const id = address?.includes(peer) ? [] : [peer];
      const known = [name, ...id, address].filter((each) => each !== null).join(', ');
      const json: ConnectJson = { peer, name, address };
      output.result(`connected to ${known}`, json);
    });
  return withExamples(
    command,
    ['peerd connect bob', 'peerd connect /ip4/192.0.2.7/tcp/4001 --timeout 3s'],
    'The connection is kept, and made again when it breaks, as long as both daemons run.',
  );
}
