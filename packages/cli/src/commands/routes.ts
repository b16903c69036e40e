import { Command } from 'commander';
import { outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import type { RouteJson } from '../json/network.ts';
import { table } from '../table.ts';

export function routesCommand(): Command {
  const command = new Command('routes')
    .description('List the peers that can be reached, and through whom')
    .action(async () => {
      const output = outputOf(command);
      const routes = await withDaemon(command, (node) => node.routes());
      if (output.json) for (const route of routes) output.object({ ...route } satisfies RouteJson);
      else if (routes.length === 0) output.note('no peer can be reached: none is connected');
      else {
        const rows = routes.map(({ peer, name, next, nextName, distance, rule, ageMs }) => [
          peer,
          name,
          nextName || next,
          `${distance}`,
          rule,
          `${Math.round(ageMs / 1_000)} s`,
        ]);
        output.text((await table(['PEER', 'NAME', 'NEXT', 'DISTANCE', 'RULE', 'AGE'], rows)).join('\n'));
      }
    });
  return withExamples(
    command,
    ['peerd routes', 'peerd routes --json | jq -r "select(.distance > 1) | .name"'],
    'The columns are: peer, its name, the connected peer that the way to it begins with, links on the way, how the way was found, and how long it has been so.',
  );
}
