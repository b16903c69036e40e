import process from 'node:process';
import { styleText } from 'node:util';
import { errorCodes, exitStatusOf } from '@peerd/protocol';
import { Command } from 'commander';
import { withExamples } from './examples.ts';
import type { VersionJson } from './json/program.ts';
import { version } from './version.ts';

type Load = () => Promise<Command>;

/**
 * By the heading that they have in the help, in its order. A command and what it needs are loaded when it is given: others
 * do not wait for it.
 */
const groups: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'A daemon:': {
    start: async () => (await import('./commands/start.ts')).startCommand(),
    stop: async () => (await import('./commands/stop.ts')).stopCommand(),
    logs: async () => (await import('./commands/logs.ts')).logsCommand(),
    config: async () => (await import('./commands/config.ts')).configCommand(),
    identity: async () => (await import('./commands/identity.ts')).identityCommand(),
    ticket: async () => (await import('./commands/ticket.ts')).ticketCommand(),
    keygen: async () => (await import('./commands/keygen.ts')).keygenCommand(),
  },
  'What it is for:': {
    request: async () => (await import('./commands/request.ts')).requestCommand(),
    reply: async () => (await import('./commands/reply.ts')).replyCommand(),
    broadcast: async () => (await import('./commands/broadcast.ts')).broadcastCommand(),
    subscribe: async () => (await import('./commands/subscribe.ts')).subscribeCommand(),
  },
  'Look at it:': {
    status: async () => (await import('./commands/status.ts')).statusCommand(),
    peers: async () => (await import('./commands/peers.ts')).peersCommand(),
    topics: async () => (await import('./commands/topics.ts')).topicsCommand(),
    routes: async () => (await import('./commands/routes.ts')).routesCommand(),
    services: async () => (await import('./commands/services.ts')).servicesCommand(),
    ping: async () => (await import('./commands/ping.ts')).pingCommand(),
    trace: async () => (await import('./commands/trace.ts')).traceCommand(),
    top: async () => (await import('./commands/top.ts')).topCommand(),
    watch: async () => (await import('./commands/watch.ts')).watchCommand(),
  },
  'Connections:': {
    connect: async () => (await import('./commands/connect.ts')).connectCommand(),
    disconnect: async () => (await import('./commands/disconnect.ts')).disconnectCommand(),
  },
  'More:': {
    completion: async () => (await import('./commands/completion.ts')).completionCommand(),
    demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
};

/** Exit statuses and the codes that have each, a line for each status. */
function statuses(): string {
  const byStatus = Map.groupBy(errorCodes, exitStatusOf);
  const lines = [...byStatus].map(([status, codes]) => `${`${status}`.padStart(5)}  ${codes.join(', ')}`);
  return ['    0  done', ...lines, '  130  interrupted'].join('\n');
}

const notes = `With --json a command prints one object, or one a line, on standard output; when it fails, one last object
{"error":{"code","message","candidates"?}}. The exit status tells the code too:

${statuses()}`;

/**
 * The command line. Everything it prints about itself and every mistake in it comes back as an exception.
 *
 * It has all commands, unless the first of `words`, which is what it is going to read, names one: then that one.
 */
export async function createProgram(words: readonly string[] = []): Promise<Command> {
  const program = new Command('peerd')
    .description('A place in a peer-to-peer network for any program')
    .version(versionFor(words))
    .option('--json', 'print JSON')
    .option('--name <name>', 'which daemon, when several run (default: PEERD_NAME, or the only one)')
    .option('--socket <path>', 'which daemon, by its socket')
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => command.name(),
      styleTitle: (title) => styleText('bold', title, { validateStream: false }),
    })
    .exitOverride()
    .configureOutput({
      outputError: () => {},
      writeErr: (text) =>
        program.opts().json || unknownHelpTopic(program) !== undefined || process.stderr.write(text),
    });
  const [first = ''] = words;
  const only = Object.values(groups).some((commands) => Object.hasOwn(commands, first));
  for (const [heading, commands] of Object.entries(groups))
    for (const [name, load] of Object.entries(commands))
      if (!only || name === first)
        program.addCommand(withSettingsOf(program, await load()).helpGroup(heading));
  if (!only) {
    const { completeCommand } = await import('./commands/completion.ts');
    program.addCommand(withSettingsOf(program, completeCommand()), { hidden: true });
  }
  program.commandsGroup('More:').helpCommand('help [command]', 'display help for command');
  return withExamples(program, ['peerd start', 'peerd request bob hello', 'peerd demo'], notes);
}

/** Printed while the rest of the line has not been parsed yet. */
function versionFor(words: readonly string[]): string {
  const json: VersionJson = { version: version() };
  return words.includes('--json') ? JSON.stringify(json) : json.version;
}

/** When parsing has ended with the help as an error: what that was asked for by `help`, and is no command. */
export function unknownHelpTopic({ args }: Command): string | undefined {
  const help = args.indexOf('help');
  return help < 0 ? undefined : args[help + 1];
}

/** Those below it, too, have to end with an exception and not with the process. */
function withSettingsOf(parent: Command, command: Command): Command {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) withSettingsOf(command, below);
  return command;
}
