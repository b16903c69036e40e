import process from 'node:process';
import type { Daemon } from '@peerd/daemon';
import { PeerdError } from '@peerd/protocol';
import { Command } from 'commander';
import { type ConfigFlags, configOptionsOf, withConfigOptions } from '../config-options.ts';
import { outputOf } from '../context.ts';
import { endBy } from '../endings.ts';
import { withExamples } from '../examples.ts';
import type { StartedJson, StoppedJson } from '../json/daemon.ts';

export function startCommand(): Command {
  const command = withConfigOptions(new Command('start').description('Run a daemon until Ctrl-C')).action(
    async () => await start(command),
  );
  return withExamples(
    command,
    ['peerd start --name alice', 'peerd start --name bob --peer /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…'],
    `Here --name and --socket are those of the new daemon. The name is that of this machine if none is given. Ctrl-C
and SIGTERM stop it within 5 s, a second one at once. SIGHUP has it read its configuration again, unless it runs in a
terminal: then that was closed, and it stops. With --json it prints two objects:
one when it can be used ("event": "started"), one when it has stopped ("stopped").`,
  );
}

async function start(command: Command): Promise<void> {
  const output = outputOf(command);
  const options = command.optsWithGlobals<ConfigFlags>();
  const stop = stopOnSignals();
  const { directoriesOf, leaveBuffersToScavenges, createLog, levelsOf, loadConfig, startDaemon } =
    await import('@peerd/daemon');
  leaveBuffersToScavenges();
  const config = await loadConfig(await configOptionsOf(options));
  const log = await createLog(levelsOf(config.values));
  // The last line of defence: past a fault that nobody caught, nothing this process says can be trusted.
  const fault = (error: unknown) => {
    const { message } = PeerdError.from(error);
    log.error(`ended by a fault: ${error instanceof Error ? (error.stack ?? message) : message}`);
    process.exit(output.failure(new PeerdError('internal', `ended by a fault: ${message}`)));
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  const daemon = await startDaemon({ config, log });
  stop.use(daemon);
  // Nobody has to wait for it, and a daemon that can't find out runs all the same.
  const { info } = daemon;
  void Promise.all([import('../twins.ts'), directoriesOf(info.id, config)])
    .then(([{ warningOfTwins }, directories]) => warningOfTwins(info.id, config.data, directories))
    .then((warning) => warning !== undefined && log.warn(warning))
    .catch((error: Error) =>
      log.warn(`whether another daemon has this identity is unknown: ${error.message}`),
    );
  if (output.json)
    output.object({
      event: 'started',
      ...info,
      addresses: [...info.addresses],
    } satisfies StartedJson);
  else {
    const { banner, othersThan } = await import('../banner.ts');
    output.text(banner({ info, options, config, others: await othersThan(info, config) }));
  }
  await daemon.stopped;
  if (output.json) output.object({ event: 'stopped' } satisfies StoppedJson);
  else output.note('stopped');
}

/** There SIGHUP says that the terminal is gone; elsewhere it is how one asks a daemon to read its configuration again. */
function isInTerminal(): boolean {
  return process.stdin.isTTY || process.stderr.isTTY;
}

/** The first signal stops the daemon in order, or ends a start that is not finished; the second ends it all. */
function stopOnSignals(): { use(daemon: Daemon): void } {
  let daemon: Daemon | undefined;
  let signalled = false;
  for (const signal of ['SIGINT', 'SIGTERM', ...(isInTerminal() ? (['SIGHUP'] as const) : [])] as const)
    process.on(signal, () => {
      if (signalled || daemon === undefined) endBy(signal);
      signalled = true;
      // A failure to stop is what `stopped` rejects with.
      daemon.stop().catch(() => {});
    });
  if (!isInTerminal())
    process.on('SIGHUP', () => {
      // Either way the outcome is in the log.
      daemon?.reload().catch(() => {});
    });
  return {
    use(started) {
      daemon = started;
    },
  };
}
