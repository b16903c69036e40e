import type { ServiceAccess } from '@peerd/protocol';
import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { ServiceJson } from '../json/network.ts';
import { table } from '../table.ts';

export function servicesCommand(): Command {
  const command = new Command('services')
    .description('List the services that a daemon answers')
    .action(async () => {
      const output = outputOf(command);
      const services = await withDaemon(command, (node) => node.services());
      if (output.json)
        for (const { service, handlers, access, inFlight, waiting } of services) {
          const json: ServiceJson = { service, handlers, access: jsonOf(access), inFlight, waiting };
          output.object(json);
        }
      else if (services.length === 0) output.note('nothing is answered: start something with `peerd reply`');
      else {
        const rows = services.map(({ service, handlers, access, inFlight, waiting }) => [
          `${handlers}`,
          `${inFlight}`,
          `${waiting}`,
          textOf(access),
          service || '(default)',
        ]);
        const header = ['HANDLERS', 'IN HAND', 'WAITING', 'ACCESS', 'SERVICE'];
        output.text((await table(header, rows)).join('\n'));
      }
    });
  return withExamples(
    command,
    ['peerd services', 'peerd services --json | jq -r .service'],
    `The columns are: how many handlers it has, requests that these have in hand, requests that wait for a handler to be
free, who may ask, service.`,
  );
}

function jsonOf(access: ServiceAccess): ServiceJson['access'] {
  return typeof access === 'string' ? access : [...access.peers];
}

function textOf(access: ServiceAccess): string {
  if (typeof access === 'string') return access;
  return access.peers.length === 1 ? '1 peer' : `${access.peers.length} peers`;
}
