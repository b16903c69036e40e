import { Command } from 'commander';
import { interruption, outputOf, peerArgument, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { DisconnectJson } from '../json/network.ts';

export function disconnectCommand(): Command {
  const command = new Command('disconnect')
    .description('Close all connections to a peer')
    .addArgument(peerArgument())
    .action(async (peer: string) => {
      const output = outputOf(command);
      const signal = interruption();
      const connections = await withDaemon(command, (node) => node.disconnect(peer, { signal }), signal);
      const closed = `${connections} ${connections === 1 ? 'connection' : 'connections'}`;
      const json: DisconnectJson = { peer, connections };
      output.result(
        connections === 0 ? `there was no connection to ${peer}` : `closed ${closed} to ${peer}`,
        json,
      );
      if (connections > 0 && !output.json)
        output.note(
          'it may dial in again at once: to keep it out, put its id into deny of the configuration',
        );
    });
  return withExamples(
    command,
    ['peerd disconnect bob'],
    `Calls over them end with disconnected. Until \`peerd connect\` or a restart the daemon does not dial that peer again by
itself; a request does, and the peer may dial in. To keep it out, put its id into \`deny\` of the configuration.`,
  );
}
