import type { SocketClient } from '@peerd/client';
import { Command } from 'commander';
import { countOption, interruption, outputOf, withDaemon } from '../context.ts';
import { payloadNote, withExamples } from '../examples.ts';
import type { MessageJson, SubscribedJson } from '../json.ts';
import { payloadFields } from '../output.ts';

export function subscribeCommand(): Command {
  const command = new Command('subscribe')
    .description('Print what is broadcast on topics, until Ctrl-C')
    .argument('<topic...>')
    .option('--count <number>', 'end after this many messages', countOption)
    .action(async (topics: string[], { count }: { count?: number }) => {
      const output = outputOf(command);
      const signal = interruption();
      const work = async (node: SocketClient) => {
        const subscription = await node.subscribe(topics);
        signal.throwIfAborted();
        signal.addEventListener('abort', () => void subscription.close(), { once: true });
        if (!output.json) output.note(`hearing ${topics.join(', ')} (Ctrl-C ends it)`);
        else output.object({ event: 'subscribed', topics } satisfies SubscribedJson);
        let heard = 0;
        for await (const { topic, from, payload, missed } of subscription) {
          if (output.json) {
            const fields = payloadFields(payload);
            const about = { topic, from, ...fields, missed: missed ?? null };
            output.object({ event: 'message', ...about } satisfies MessageJson);
          } else {
            if (missed !== 0)
              output.note(`missed ${missed ?? 'an unknown number of'} messages: this terminal was too slow`);
            output.line(`${topic} ${from} ${Buffer.from(payload).toString('utf8')}`);
          }
          heard += 1;
          if (heard === count) return;
        }
        if (!signal.aborted) throw await node.closed;
      };
      await withDaemon(command, work, signal);
    });
  return withExamples(
    command,
    ['peerd subscribe news', 'peerd subscribe news weather --count 10 --json'],
    `Each line is: topic, sender's peer id, payload. On a terminal control characters are shown as U+FFFD and line ends as
\\n and \\r; elsewhere the payload is printed as it is. ${payloadNote}
Ctrl-C ends this with exit status 0, or 130 before it hears.`,
  );
}
