import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { StatusJson } from '../json.ts';
import { jsonMs } from '../output.ts';

export function statusCommand(): Command {
  const command = new Command('status').description('Show what a daemon is and has').action(async () => {
    const output = outputOf(command);
    const status = await withDaemon(command, (node) => node.status());
    const { id, name, network, version, addresses, peers, topics, services, uptimeMs } = status;
    const json: StatusJson = {
      id,
      name,
      network,
      version,
      addresses: [...addresses],
      peers: { known: peers.known, connected: peers.connected },
      topics: [...topics],
      services: [...services],
      uptimeMs: jsonMs(uptimeMs),
    };
    const rows = [
      ['name', name],
      ['id', id],
      ['network', network],
      ['version', version],
      ['addresses', addresses.join('\n           ') || '(none)'],
      ['peers', `${peers.connected} connected, ${peers.known} known`],
      ['topics', topics.join(', ') || '(none)'],
      ['services', services.map((service) => service || '(default)').join(', ') || '(none)'],
      ['up', `${(uptimeMs / 1_000).toFixed(1)} s`],
    ] as const;
    output.result(rows.map(([key, value]) => `${key.padEnd(10)} ${value}`).join('\n'), json);
  });
  return withExamples(command, ['peerd status', 'peerd status --name alice --json']);
}
