import { Command } from 'commander';
import { durationOption, interruption, outputOf, withDaemon } from '../context.ts';
import { payloadNote, withExamples } from '../examples.ts';
import { payloadFields } from '../output.ts';
import { readPayload } from '../payload.ts';

export function requestCommand(): Command {
  const command = new Command('request')
    .description('Ask a peer and print its answer')
    .argument('<peer>', 'its name, its id or a unique prefix of it, or a multiaddr')
    .argument('[data]', 'what to send; `-`, or nothing when something is piped in: standard input')
    .option('--timeout <duration>', 'give up after this long (default: 30s)', durationOption)
    .action(async (peer: string, data: string | undefined, options: { timeout?: number }) => {
      const output = outputOf(command);
      const payload = await readPayload(data);
      const signal = interruption();
      const started = performance.now();
      const timeout = options.timeout === undefined ? {} : { timeoutMs: options.timeout };
      const answer = await withDaemon(
        command,
        (node) => node.request(peer, payload, { signal, ...timeout }),
        signal,
      );
      if (output.json) output.object({ peer, ...payloadFields(answer), ms: performance.now() - started });
      else output.raw(answer);
    });
  return withExamples(
    command,
    ['peerd request bob hello', 'peerd request 12D3KooWabc --timeout 5s < photo.jpg > answer.bin'],
    `The answer's bytes go to standard output as they are. ${payloadNote}`,
  );
}
