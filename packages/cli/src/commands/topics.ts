import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { TopicJson } from '../json/network.ts';
import { table } from '../table.ts';

export function topicsCommand(): Command {
  const command = new Command('topics')
    .description('List the topics that are heard, here or at a connected peer')
    .action(async () => {
      const output = outputOf(command);
      const topics = await withDaemon(command, (node) => node.topics());
      if (output.json)
        for (const { topic, subscriptions, peers } of topics)
          output.object({ topic, subscriptions, peers } satisfies TopicJson);
      else if (topics.length === 0) output.note('nobody hears any topic');
      else {
        const rows = topics.map(({ topic, subscriptions, peers }) => [`${subscriptions}`, `${peers}`, topic]);
        output.text((await table(['SUBSCRIPTIONS', 'PEERS', 'TOPIC'], rows)).join('\n'));
      }
    });
  return withExamples(
    command,
    ['peerd topics', 'peerd topics --json | jq -r .topic'],
    'The columns are: subscriptions of programs on this daemon, connected peers that hear it, topic.',
  );
}
