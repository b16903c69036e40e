import process from 'node:process';
import type { ConfigOptions } from '@peerd/daemon';
import { type Command, Option } from 'commander';
import { collect, type GlobalOptions } from './context.ts';

const maxLineLength = 16_384;

/** What the command line says of a daemon's configuration. */
export interface ConfigFlags extends GlobalOptions {
  config?: string;
  listen?: string[];
  peer?: string[];
  data?: string;
  network?: string;
  profile?: string;
  discovery?: string;
  mdns?: boolean;
  routingStrategy?: string;
  routingRandomFallback?: boolean;
  routingForward?: string;
  compat?: string;
  logLevel?: string;
  ticket?: string;
}

export function withConfigOptions(command: Command): Command {
  return command
    .option('--config <file>', 'a TOML file; what is given here wins over it')
    .option(
      '--listen <multiaddr>',
      'listen there; may be repeated (default: a free port; of 127.0.0.1 with profile local)',
      collect,
    )
    .option('--peer <multiaddr>', 'keep a connection to that peer; may be repeated', collect)
    .option(
      '--data <directory>',
      'where the key and the known peers are (default: by the name, in your home)',
    )
    .option('--ticket <line>', 'join with a line from peerd ticket; - reads it from standard input')
    .option('--network <name>', 'peers of another network are refused (default: peerd)')
    .addOption(
      new Option('--profile <profile>', 'what belongs together').choices(['local', 'lan', 'internet']),
    )
    .addOption(new Option('--discovery <mode>', 'off: only --peer and who dials in').choices(['on', 'off']))
    .option('--mdns', 'find peers on the local network by multicast')
    .addOption(
      new Option(
        '--routing-strategy <strategy>',
        'how ways over several links are found; all peers need the same',
      ).choices(['table', 'source']),
    )
    .addOption(
      new Option(
        '--routing-forward <whose>',
        'whose messages to pass on: those of peers of the network (default), all, none',
      ).choices(['network', 'all', 'nobody']),
    )
    .option('--no-routing-random-fallback', 'never try a random neighbour when no way is known')
    .addOption(new Option('--compat <with>', "speak that program's DHT").choices(['tinyp2p']))
    .option('--log-level <levels>', 'what to log, by area if need be: info,request=debug (default: info)');
}

export async function configOptionsOf(options: ConfigFlags): Promise<ConfigOptions> {
  const { name, socket, listen, peer: peers, data, network, profile, discovery, mdns, compat } = options;
  const flags = { name, socket, listen, peers, data, network, profile, discovery, mdns, compat };
  const routing = given({
    strategy: options.routingStrategy,
    // There is no flag for what is so anyway: true is commander's word for not given.
    random_fallback: options.routingRandomFallback === false ? false : undefined,
    forward: options.routingForward,
  });
  const values = {
    ...given({ ...flags, log_level: options.logLevel }),
    ...(Object.keys(routing).length === 0 ? {} : { routing }),
  };
  const ticket = options.ticket === '-' ? await firstLineOfInput() : options.ticket;
  return { file: options.config, flags: values, ticket };
}

function given(flags: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** Of standard input, up to more than a ticket has. */
async function firstLineOfInput(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('paste the ticket and press Enter\n');
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.includes('\n') || text.length > maxLineLength) break;
  }
  return text.split('\n', 1)[0] ?? '';
}
