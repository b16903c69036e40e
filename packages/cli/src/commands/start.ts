import process from 'node:process';
import type { Daemon, DaemonInfo, LogLevel, RawConfig } from '@peerd/daemon';
import { Command, Option } from 'commander';
import { collect, type GlobalOptions, outputOf } from '../context.ts';
import { withExamples } from '../examples.ts';
import { programName, quote } from '../invocation.ts';

interface Options extends GlobalOptions {
  config?: string;
  listen?: string[];
  peer?: string[];
  data?: string;
  network?: string;
  profile?: string;
  discovery?: string;
  mdns?: boolean;
  compat?: string;
  logLevel?: string;
}

export function startCommand(): Command {
  const command = new Command('start')
    .description('Run a daemon until Ctrl-C')
    .option('--config <file>', 'a TOML file; what is given here wins over it')
    .option(
      '--listen <multiaddr>',
      'listen there; may be repeated (default: a free port of 127.0.0.1)',
      collect,
    )
    .option('--peer <multiaddr>', 'keep a connection to that peer; may be repeated', collect)
    .option(
      '--data <directory>',
      'where the key and the known peers are (default: by the name, in your home)',
    )
    .option('--network <name>', 'peers of another network are refused (default: peerd)')
    .addOption(
      new Option('--profile <profile>', 'what belongs together').choices(['local', 'lan', 'internet']),
    )
    .addOption(new Option('--discovery <mode>', 'off: only --peer and who dials in').choices(['on', 'off']))
    .option('--mdns', 'find peers on the local network by multicast')
    .addOption(new Option('--compat <with>', "speak that program's DHT").choices(['tinyp2p']))
    .addOption(
      new Option('--log-level <level>', 'what to log (default: info)').choices([
        'debug',
        'info',
        'warn',
        'error',
        'silent',
      ]),
    )
    .action(async () => await start(command));
  return withExamples(
    command,
    ['peerd start --name alice', 'peerd start --name bob --peer /ip4/127.0.0.1/tcp/4001/p2p/12D3KooW…'],
    `Here --name and --socket are those of the new daemon. The name is that of this machine if none is given. Ctrl-C,
SIGTERM and SIGHUP stop it within 5 s, a second one at once. With --json it prints one object when it can be used.`,
  );
}

async function start(command: Command): Promise<void> {
  const output = outputOf(command);
  const options = command.optsWithGlobals<Options>();
  const stop = stopOnSignals();
  const { createLog, loadConfig, startDaemon } = await import('@peerd/daemon');
  const config = await loadConfig({ file: options.config, flags: flagsOf(options) });
  const level: LogLevel = config.values.log_level ?? 'info';
  const log = await createLog(level);
  // The last line of defence: past a fault that nobody caught, nothing this process says can be trusted.
  const fault = (error: unknown) => {
    log.error(`ended by a fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exit(1);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  const daemon = await startDaemon({ config, log });
  stop.use(daemon);
  if (output.json) output.object({ event: 'started', ...daemon.info });
  else output.text(banner(daemon.info, options));
  await daemon.stopped;
  if (output.json) output.object({ event: 'stopped' });
  else output.note('stopped');
}

function flagsOf(options: Options): RawConfig {
  const { name, socket, listen, peer: peers, data, network, profile, discovery, mdns, compat } = options;
  const flags = { name, socket, listen, peers, data, network, profile, discovery, mdns, compat };
  const all = { ...flags, log_level: options.logLevel };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The first signal stops the daemon in order, or ends a start that is not finished; the second ends it all. */
function stopOnSignals(): { use(daemon: Daemon): void } {
  let daemon: Daemon | undefined;
  let signalled = false;
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => {
      if (signalled || daemon === undefined) process.exit(status);
      signalled = true;
      // A failure to stop is what `stopped` rejects with.
      daemon.stop().catch(() => {});
    });
  return {
    use(started) {
      daemon = started;
    },
  };
}

/** What the daemon is, and what to type next: every command works as it stands when pasted. */
function banner(info: DaemonInfo, options: Options): string {
  const program = programName();
  const other = info.name === 'bob' ? 'alice' : 'bob';
  const address = info.addresses.find((each) => each.startsWith('/ip4/127.')) ?? info.addresses[0];
  const here = options.socket === undefined ? `--name ${info.name}` : `--socket ${quote(info.socket)}`;
  const network = info.network === 'peerd' ? '' : ` --network ${quote(info.network)}`;
  const lines = [
    `peerd ${info.version}: ${info.name} is up`,
    '',
    `  id         ${info.id}`,
    `  network    ${info.network}`,
    ...info.addresses.map((each, index) => `  ${(index === 0 ? 'addresses' : '').padEnd(10)} ${each}`),
    `  socket     ${info.socket}`,
    `  data       ${info.data}`,
    '',
    'In other terminals:',
    '',
    ...(address === undefined ? [] : [`  ${program} start --name ${other}${network} --peer ${address}`, '']),
    `  ${program} reply --echo ${here}`,
    `  ${program} request ${info.name} hello --name ${other}`,
    '',
    `  ${program} subscribe news ${here}`,
    `  ${program} broadcast news 'it is out' --name ${other}`,
    '',
    'Ctrl-C stops it.',
  ];
  return lines.join('\n');
}
