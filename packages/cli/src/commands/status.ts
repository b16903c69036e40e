import process from 'node:process';
import type { NodeStatus } from '@peerd/protocol';
import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import { span } from '../figures.ts';
import type { StatusJson } from '../json/daemon.ts';
import { inertLine, jsonMs, oneLine } from '../output.ts';
import { folded } from '../table.ts';

export function statusCommand(): Command {
  const command = new Command('status').description('Show what a daemon is and has').action(async () => {
    const output = outputOf(command);
    const { daemon, status } = await withDaemon(command, async (node) => ({
      status: await node.status(),
      daemon: node.daemon,
    }));
    const { id, name, network, version, addresses, peers, topics, services, routing } = status;
    const { unreached, uptimeMs } = status;
    const { pid, socket, data, configFile } = daemon;
    const json: StatusJson = {
      id,
      name,
      network,
      version,
      addresses: [...addresses],
      peers: { ...peers, unreached: unreached.length },
      topics: [...topics],
      services: [...services],
      routing: { strategy: routing.strategy, forward: routing.forward },
      pid,
      socket,
      data,
      config: configFile ?? null,
      uptimeMs: jsonMs(uptimeMs),
    };
    const rows = [
      ['name', name],
      ['id', id],
      ['network', network],
      ['version', version],
      ['addresses', addresses.join('\n           ') || '(none)'],
      ['peers', peerCounts(status)],
      ['topics', listed(topics)],
      ['services', listed(services.map((service) => service || '(default)'))],
      ['routing', `by ${routing.strategy}, forwards for ${forwards[routing.forward] ?? routing.forward}`],
      ['pid', `${pid}`],
      ['socket', socket],
      ['data', data],
      ['config', configFile ?? '(no file)'],
      ['up', span(uptimeMs)],
    ] as const;
    output.result(rows.map(([key, value]) => `${key.padEnd(10)} ${value}`).join('\n'), json);
  });
  return withExamples(command, ['peerd status', 'peerd status --name alice --json']);
}

const forwards: Readonly<Record<string, string>> = {
  network: 'peers of its network',
  all: 'all',
  nobody: 'nobody',
};

function peerCounts({ peers, unreached }: NodeStatus): string {
  const { connected, known, routed } = peers;
  const over = routed === 0 ? '' : `, ${routed} over others (peerd routes)`;
  const missing = unreached.length === 0 ? '' : `, ${unreached.length} unreached (peerd peers says why)`;
  return `${connected} connected, ${known} known${over}${missing}`;
}

const indent = ' '.repeat(11);

/** Words on as many lines as they need. */
function listed(words: readonly string[]): string {
  if (words.length === 0) return '(none)';
  const lines = folded(words.map(process.stdout.isTTY ? inertLine : oneLine), indent.length);
  return lines.join(`\n${indent}`);
}
