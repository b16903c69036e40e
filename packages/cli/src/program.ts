import process from 'node:process';
import { Command } from 'commander';
import { broadcastCommand } from './commands/broadcast.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { connectCommand } from './commands/connect.ts';
import { demoCommand } from './commands/demo.ts';
import { disconnectCommand } from './commands/disconnect.ts';
import { identityCommand } from './commands/identity.ts';
import { keygenCommand } from './commands/keygen.ts';
import { logsCommand } from './commands/logs.ts';
import { peersCommand } from './commands/peers.ts';
import { pingCommand } from './commands/ping.ts';
import { replyCommand } from './commands/reply.ts';
import { requestCommand } from './commands/request.ts';
import { servicesCommand } from './commands/services.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { stopCommand } from './commands/stop.ts';
import { subscribeCommand } from './commands/subscribe.ts';
import { ticketCommand } from './commands/ticket.ts';
import { topCommand } from './commands/top.ts';
import { topicsCommand } from './commands/topics.ts';
import { watchCommand } from './commands/watch.ts';
import { withExamples } from './examples.ts';
import { version } from './version.ts';

const exitNotes = `With --json every command prints one object, or one a line, on standard output; on failure
{"error":{"code","message","candidates"?}}. Exit status: 0 done, 1 internal, 2 usage or invalid, 3 refused or forbidden,
4 no handler, 5 the peer can't be got to, 6 timeout, 7 busy or too large, 8 no daemon, 9 partial,
10 disconnected (outcome unknown), 130 interrupted.`;

/** The whole command line. Everything it prints about itself and every mistake in it comes back as an exception. */
export function createProgram(): Command {
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
  const commands = [
    startCommand(),
    stopCommand(),
    requestCommand(),
    replyCommand(),
    broadcastCommand(),
    subscribeCommand(),
    statusCommand(),
    peersCommand(),
    topicsCommand(),
    servicesCommand(),
    topCommand(),
    watchCommand(),
    connectCommand(),
    disconnectCommand(),
    pingCommand(),
    logsCommand(),
    configCommand(),
    identityCommand(),
    ticketCommand(),
    keygenCommand(),
    completionCommand(),
    demoCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  program.addCommand(completeCommand().copyInheritedSettings(program), { hidden: true });
  return withExamples(program, ['peerd start', 'peerd status', 'peerd demo'], exitNotes);
}
