import type { PeerRef } from '@peerd/protocol';
import { Command } from 'commander';
import { durationOption, interruption, outputOf, peerArgument, withDaemon } from '../context.ts';
import { payloadNote, withExamples } from '../examples.ts';
import type { RequestJson } from '../json/messages.ts';
import { jsonMs, payloadFields } from '../output.ts';
import { readPayload } from '../payload.ts';

interface Options {
  service?: string;
  timeout?: number;
  idempotent?: boolean;
}

export function requestCommand(): Command {
  const command = new Command('request')
    .description('Ask a peer and print its answer')
    .addArgument(peerArgument())
    .argument('[data]', 'what to send; `-`, or nothing when something is piped in: standard input')
    .option('--service <name>', 'which of its services (default: the one without a name)')
    .option('--timeout <duration>', 'give up after this long (default: 30s)', durationOption)
    .option('--idempotent', 'ask again when the connection breaks: it may be handled twice')
    .action(
      async (peer: string, data: string | undefined, { service = '', timeout, idempotent }: Options) => {
        const output = outputOf(command);
        const payload = await readPayload(data);
        const signal = interruption();
        const limits = timeout === undefined ? {} : { timeoutMs: timeout };
        let path: readonly PeerRef[] = [];
        const onPath = (passed: readonly PeerRef[]) => {
          path = passed;
        };
        const asked = { service, signal, idempotent: idempotent ?? false, ...limits };
        const options = output.json ? { ...asked, onPath } : asked;
        await withDaemon(
          command,
          async (node) => {
            const started = performance.now();
            const answer = await node.request(peer, payload, options);
            const ms = jsonMs(performance.now() - started);
            if (!output.json) return output.raw(answer);
            const refs = path.map(({ peer: id, name = null }) => ({ peer: id, name }));
            const { peer: peerId = null, name: peerName = null } = refs.at(-1) ?? {};
            const whom = { peer, peerId, peerName, path: refs };
            const json: RequestJson = { ...whom, service, ...payloadFields(answer), ms };
            output.object(json);
          },
          signal,
        );
      },
    );
  return withExamples(
    command,
    [
      'peerd request bob hello',
      'peerd request bob --service upper "to be shouted"',
      'peerd request 12D3KooWabc --timeout 5s < photo.jpg > answer.bin',
    ],
    `A peer that no connection can be made to is asked over others, which can't read it; with --json the "path" tells which.
The answer's bytes go to standard output as they are; on a terminal control characters are shown as U+FFFD.
${payloadNote}`,
  );
}
