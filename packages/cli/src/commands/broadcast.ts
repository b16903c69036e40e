import { Command } from 'commander';
import { durationOption, outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { BroadcastJson } from '../json/messages.ts';
import { readPayload } from '../payload.ts';

interface Options {
  timeout?: number;
  allowNone?: boolean;
}

export function broadcastCommand(): Command {
  const command = new Command('broadcast')
    .description('Tell everyone who hears a topic')
    .argument('<topic>')
    .argument('[data]', 'what to send; `-`, or nothing when something is piped in: standard input')
    .option('--timeout <duration>', 'wait this long for somebody to hear it (default: 5s)', durationOption)
    .option('--allow-none', 'it is fine when nobody hears it')
    .action(async (topic: string, data: string | undefined, { timeout, allowNone }: Options) => {
      const output = outputOf(command);
      const payload = await readPayload(data);
      const options = {
        allowNone: allowNone ?? false,
        ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      };
      const { peers } = await withDaemon(command, (node) => node.broadcast(topic, payload, options));
      const json: BroadcastJson = { topic, peers };
      output.result(`sent to ${peers} ${peers === 1 ? 'peer' : 'peers'}`, json);
    });
  return withExamples(command, [
    'peerd broadcast news "it is out"',
    'date | peerd broadcast clock --allow-none',
  ]);
}
