import type { SocketClient } from '@peerd/client';
import { Command } from 'commander';
import { countOption, interruption, outputOf, withDaemon } from '../context.ts';
import { payloadNote, withExamples } from '../examples.ts';
import type { MessageJson, SubscribedJson } from '../json/messages.ts';
import { payloadFields } from '../output.ts';
import { narrateConnection } from '../reconnection.ts';

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
            // That nobody knows how many were missed was said when the daemon was back.
            if (missed !== undefined && missed > 0) output.note(`missed ${missed} messages before this one`);
            output.line(`${topic} ${from} ${Buffer.from(payload).toString('utf8')}`);
          }
          heard += 1;
          if (heard === count) return;
        }
        if (!signal.aborted) throw await node.closed;
      };
      // What the subscription ends with tells what could not be restored.
      const onConnection = narrateConnection(output, () => {});
      await withDaemon(command, work, signal, { onConnection });
    });
  return withExamples(
    command,
    ['peerd subscribe news', 'peerd subscribe news weather --count 10 --json'],
    `Each line is: topic, sender's peer id, payload. On a terminal control characters are shown as U+FFFD and line ends as
\\n and \\r; elsewhere the payload is printed as it is. ${payloadNote}

It outlives its daemon: when that is stopped or restarted it says so on standard error, waits for as long as it takes, and
goes on; what was missed is told where the daemon can know it. It ends when another daemon is in the place of the first:
with the status of that error. Ctrl-C ends it with 0, or 130 before it hears.`,
  );
}
