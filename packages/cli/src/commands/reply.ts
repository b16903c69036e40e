import type { SocketClient } from '@peerd/client';
import { type InboundRequest, PeerdError, type ServiceAccess } from '@peerd/protocol';
import { Command } from 'commander';
import {
  collect,
  countOption,
  type GlobalOptions,
  interruption,
  outputOf,
  usage,
  withDaemon,
} from '../context.ts';
import { withExamples } from '../examples.ts';
import type { ReplyAnsweredJson, ReplyAskedJson, ReplyFailedJson, ReplyReadyJson } from '../json/messages.ts';
import { errorJson, jsonMs, type Output, oneLine } from '../output.ts';
import { narrateConnection } from '../reconnection.ts';
import { CommandFailure, CommandRunner } from '../run-command.ts';

interface Options extends GlobalOptions {
  exec?: string;
  echo?: boolean;
  service?: string[];
  jobs?: number;
  access?: ServiceAccess;
}

/** Commands that run at a time unless said otherwise. Each is a process or more. */
const defaultJobs = 16;

/** Answers one request; `number` counts them. */
type Answer = (request: InboundRequest, number: number) => Promise<Uint8Array>;

export function replyCommand(): Command {
  const command = new Command('reply')
    .description('Answer the requests of peers until Ctrl-C')
    .option('--exec <command>', 'a shell command: it gets the payload on its standard input')
    .option('--echo', 'answer with what was sent')
    .option(
      '--service <name>',
      'what is answered; may be repeated (default: the service without a name)',
      collect,
    )
    .option('--jobs <number>', `how many commands run at once (default: ${defaultJobs})`, countOption)
    .option('--access <who>', 'open, nobody, or ids of peers: ID,ID,… (default: open)', accessOption)
    .action(async () => {
      const options = command.optsWithGlobals<Options>();
      const { service: services = [''], jobs, exec, access = 'open' } = options;
      const output = outputOf(command);
      const signal = interruption();
      const work = async (node: SocketClient) => {
        const handler = narrated(answerOf(options, node.daemon.socket), output);
        // What is more than that goes to other programs that answer, or waits in the daemon.
        const bound = exec === undefined ? {} : { concurrency: jobs ?? defaultJobs };
        for (const service of new Set(services))
          await node.handle(service, handler, { access, signal, ...bound });
        signal.throwIfAborted();
        const { name: daemon } = node.daemon;
        if (output.json) output.object({ event: 'ready', daemon, services } satisfies ReplyReadyJson);
        else output.note(`ready: answering what ${daemon} is asked${of(services)} (Ctrl-C ends it)`);
        const interrupted = new Promise<undefined>((resolve) =>
          signal.addEventListener('abort', () => resolve(undefined), { once: true }),
        );
        const reason = await Promise.race([node.closed, ended.promise, interrupted]);
        if (reason !== undefined) throw reason;
      };
      const ended = Promise.withResolvers<PeerdError>();
      checkOptions(options);
      const onConnection = narrateConnection(output, ended.resolve);
      await withDaemon(command, work, signal, { onConnection });
    });
  return withExamples(
    command,
    [
      'peerd reply --echo',
      "peerd reply --exec 'tr a-z A-Z' --service upper",
      `peerd reply --exec 'echo "$PEERD_PEER_NAME asks for $(jq -r .city)"' --service weather --jobs 4`,
    ],
    `When the command exits with 0, its standard output is the answer; else the request is refused, with its standard
error as the reason; a line on standard error says who was refused and why. A call that is cancelled kills the command; what a command leaves running is killed when its shell
has ended. In its environment are

  PEERD_PEER            the id of the peer that asks
  PEERD_PEER_NAME       what that peer calls itself, which proves nothing
  PEERD_SERVICE         the service; empty for the one without a name
  PEERD_REQUEST_NUMBER  the number of the request, from 1
  PEERD_REQUEST_BYTES   the size of the payload
  PEERD_SOCKET          the daemon: a peerd in the command talks to the same

Never put what a peer says into the command line itself.

A service that several programs answer goes to whichever is free: one that has --jobs commands running is not.
A peer that --access does not admit is told forbidden.

It outlives its daemon: when that is stopped or restarted it says so on standard error, waits for as long as it takes, and
answers again. It ends when another daemon is in the place of the first, or refuses what it answers: with the status of
that error. Ctrl-C ends it with 0, or 130 before it is ready.`,
  );
}

/** Who may ask: a name proves nothing, so it takes ids. */
function accessOption(text: string): ServiceAccess {
  if (text === 'open' || text === 'nobody') return text;
  return { peers: text.split(',').map((id) => id.trim()) };
}

function checkOptions({ exec, echo, jobs }: Options): void {
  if ((exec === undefined) === (echo !== true)) throw usage("give one of --exec 'COMMAND' and --echo");
  if (exec?.trim() === '') throw usage('--exec has no command');
  if (jobs !== undefined && exec === undefined)
    throw usage('--jobs goes with --exec: --echo runs no command');
}

function of(services: readonly string[]): string {
  if (services.length === 1 && services[0] === '') return '';
  return ` for ${services.map((service) => service || '(default)').join(', ')}`;
}

function answerOf({ exec, jobs }: Options, socket: string): Answer {
  if (exec === undefined) return async ({ payload }) => payload;
  const runner = new CommandRunner(exec, jobs ?? defaultJobs);
  return async ({ peer, peerName, service, payload, signal }, number) => {
    const variables = {
      PEERD_SOCKET: socket,
      PEERD_PEER: peer,
      PEERD_PEER_NAME: peerName ?? '',
      PEERD_SERVICE: service,
      PEERD_REQUEST_NUMBER: `${number}`,
      PEERD_REQUEST_BYTES: `${payload.length}`,
    };
    return await runner.run(payload, variables, signal);
  };
}

/** Tells of a command that failed; with `--json`, of each request when it comes and when it is over. */
function narrated(answer: Answer, output: Output): (request: InboundRequest) => Promise<Uint8Array> {
  let count = 0;
  return async (inbound) => {
    count += 1;
    const request = count;
    if (!output.json)
      return await answer(inbound, request).catch((error) => noteRefusal(error, inbound, output));
    const started = performance.now();
    const { service, peer, peerName = null } = inbound;
    const bytes = inbound.payload.length;
    output.object({ event: 'asked', request, service, peer, peerName, bytes } satisfies ReplyAskedJson);
    const ms = () => jsonMs(performance.now() - started);
    try {
      const payload = await answer(inbound, request);
      const done: ReplyAnsweredJson = { event: 'answered', request, bytes: payload.length, ms: ms() };
      output.object(done);
      return payload;
    } catch (error) {
      const failed: ReplyFailedJson = { event: 'failed', request, error: errorJson(error), ms: ms() };
      output.object(failed);
      throw error;
    }
  };
}

/** Says which peer was refused and why, on one line. A call that its caller gave up is no failure of the command. */
function noteRefusal(error: unknown, { peer, peerName }: InboundRequest, output: Output): never {
  if (error instanceof PeerdError && error.code === 'refused') {
    const reason = error instanceof CommandFailure ? error.summary : error.message;
    output.note(oneLine(`refused ${peerName === undefined ? '' : `${peerName}, `}${peer}: ${reason}`));
  }
  throw error;
}
