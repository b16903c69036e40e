import type { SocketClient } from '@peerd/client';
import type { InboundRequest } from '@peerd/protocol';
import { Command } from 'commander';
import { interruption, outputOf, usage, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import { CommandRunner } from '../run-command.ts';

interface Options {
  exec?: string;
  echo?: boolean;
}

export function replyCommand(): Command {
  const command = new Command('reply')
    .description('Answer the requests of peers until Ctrl-C')
    .option('--exec <command>', 'a shell command: it gets the payload on its standard input')
    .option('--echo', 'answer with what was sent')
    .action(async (options: Options) => {
      if ((options.exec === undefined) === (options.echo !== true))
        throw usage("give one of --exec 'COMMAND' and --echo");
      const output = outputOf(command);
      const signal = interruption();
      const runner = options.exec === undefined ? undefined : new CommandRunner(options.exec);
      const answer = async (request: InboundRequest) =>
        runner === undefined ? request.payload : await runner.run(request.payload, request.signal);
      const handler = async (request: InboundRequest) => {
        const about = { peer: request.peer, peerName: request.peerName ?? null };
        if (output.json) output.object({ event: 'asked', ...about });
        try {
          const payload = await answer(request);
          if (output.json) output.object({ event: 'answered', ...about, bytes: payload.length });
          return payload;
        } catch (error) {
          if (output.json)
            output.object({
              event: 'failed',
              ...about,
              reason: error instanceof Error ? error.message : `${error}`,
            });
          throw error;
        }
      };
      const work = async (node: SocketClient) => {
        await node.handle('', handler);
        signal.throwIfAborted();
        if (output.json) output.object({ event: 'ready', daemon: node.daemon.name });
        else output.note(`ready: answering what ${node.daemon.name} is asked (Ctrl-C ends it)`);
        const interrupted = new Promise<undefined>((resolve) =>
          signal.addEventListener('abort', () => resolve(undefined), { once: true }),
        );
        const lost = await Promise.race([node.closed, interrupted]);
        if (lost !== undefined) throw lost;
      };
      await withDaemon(command, work, signal);
    });
  return withExamples(
    command,
    ['peerd reply --echo', "peerd reply --exec 'tr a-z A-Z'", "peerd reply --exec 'jq .name' --name bob"],
    `When the command exits with 0, its standard output is the answer; else the request is refused, with its standard
error as the reason. A call that is cancelled kills the command; what a command leaves running is killed when its shell
has ended. Ctrl-C ends this with exit status 0, or 130 before it is ready.`,
  );
}
