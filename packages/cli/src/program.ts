import process from 'node:process';
import { Command } from 'commander';
import { withExamples } from './examples.ts';
import { version } from './version.ts';

const exitNotes = `With --json every command prints one object, or one a line, on standard output; on failure
{"error":{"code","message","candidates"?}}. Exit status: 0 done, 1 internal, 2 usage or invalid, 3 refused or forbidden,
4 no handler, 5 the peer can't be got to, 6 timeout, 7 busy or too large, 8 no daemon, 9 partial,
10 disconnected (outcome unknown), 130 interrupted.`;

/** In the order of the help. A command and what it needs are loaded when it is given: others do not wait for it. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand(),
  stop: async () => (await import('./commands/stop.ts')).stopCommand(),
  request: async () => (await import('./commands/request.ts')).requestCommand(),
  reply: async () => (await import('./commands/reply.ts')).replyCommand(),
  broadcast: async () => (await import('./commands/broadcast.ts')).broadcastCommand(),
  subscribe: async () => (await import('./commands/subscribe.ts')).subscribeCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  peers: async () => (await import('./commands/peers.ts')).peersCommand(),
  topics: async () => (await import('./commands/topics.ts')).topicsCommand(),
  services: async () => (await import('./commands/services.ts')).servicesCommand(),
  top: async () => (await import('./commands/top.ts')).topCommand(),
  watch: async () => (await import('./commands/watch.ts')).watchCommand(),
  connect: async () => (await import('./commands/connect.ts')).connectCommand(),
  disconnect: async () => (await import('./commands/disconnect.ts')).disconnectCommand(),
  ping: async () => (await import('./commands/ping.ts')).pingCommand(),
  logs: async () => (await import('./commands/logs.ts')).logsCommand(),
  config: async () => (await import('./commands/config.ts')).configCommand(),
  identity: async () => (await import('./commands/identity.ts')).identityCommand(),
  ticket: async () => (await import('./commands/ticket.ts')).ticketCommand(),
  keygen: async () => (await import('./commands/keygen.ts')).keygenCommand(),
  completion: async () => (await import('./commands/completion.ts')).completionCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
};

/**
 * The command line. Everything it prints about itself and every mistake in it comes back as an exception.
 *
 * It has all commands, unless the first of `words`, which is what it is going to read, names one: then that one.
 */
export async function createProgram(words: readonly string[] = []): Promise<Command> {
  const program = new Command('peerd')
    .description('A place in a peer-to-peer network for any program')
    .version(version())
    .option('--json', 'print JSON')
    .option('--name <name>', 'which daemon, when several run (default: PEERD_NAME, or the only one)')
    .option('--socket <path>', 'which daemon, by its socket')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      outputError: () => {},
      writeErr: (text) => program.opts().json || process.stderr.write(text),
    });
  const [first = ''] = words;
  const only = Object.hasOwn(commands, first) ? commands[first] : undefined;
  const loaded = await Promise.all(
    (only === undefined ? Object.values(commands) : [only]).map((load) => load()),
  );
  for (const command of loaded) program.addCommand(command.copyInheritedSettings(program));
  if (only === undefined) {
    const { completeCommand } = await import('./commands/completion.ts');
    program.addCommand(completeCommand().copyInheritedSettings(program), { hidden: true });
  }
  return withExamples(program, ['peerd start', 'peerd status', 'peerd demo'], exitNotes);
}
