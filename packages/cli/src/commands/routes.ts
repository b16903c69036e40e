import process from 'node:process';
import type { SocketClient } from '@peerd/client';
import type { RouteInfo } from '@peerd/protocol';
import { Command } from 'commander';
import { durationOption, Interrupted, interruption, outputOf, usage, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import { timeOfDay } from '../figures.ts';
import type { RouteChangeJson, RouteJson, WatchingJson } from '../json/network.ts';
import type { Output } from '../output.ts';
import { narrateConnection } from '../reconnection.ts';
import { checkInterval, defaultIntervalMs, pause, showPages } from '../refresh.ts';
import type { RouteChange, Routes } from '../route-changes.ts';
import { idCell, table } from '../table.ts';

interface Options {
  watch?: boolean;
  interval?: number;
}

export function routesCommand(): Command {
  const command = new Command('routes')
    .description('List the peers that can be reached, and through whom')
    .option('--watch', 'go on: on a terminal a page that is refreshed, else a line for each change')
    .option(
      '--interval <duration>',
      'with --watch: time between looks, 100ms or more (default: 1s)',
      durationOption,
    )
    .action(async (options: Options) => {
      const output = outputOf(command);
      if (options.watch) return await watch(command, output, options.interval ?? defaultIntervalMs);
      if (options.interval !== undefined) throw usage('--interval says how often --watch looks: give both');
      const routes = await withDaemon(command, (node) => node.routes());
      if (output.json) for (const route of routes) output.object({ ...route } satisfies RouteJson);
      else if (routes.length === 0) output.note(none);
      else output.text((await tableOf(routes)).join('\n'));
    });
  return withExamples(
    command,
    ['peerd routes', 'peerd routes --watch', 'peerd routes --json | jq -r "select(.distance > 1) | .name"'],
    `The columns are: peer, its name, the connected peer that the way to it begins with, links on the way, how the way was
found, and how long it has been so. With --watch on a terminal the page is refreshed until q or Ctrl-C. Elsewhere, and with
--json, each line is a change: all that there is at first as found, then what is found, has another way, or is lost. What
came and went between two looks is not told: \`peerd watch\` tells of each route that is found or lost. The lines go on over a
restart of the daemon. Ctrl-C ends it with 0.`,
  );
}

const none = 'no peer can be reached: none is connected';

/** Where the way goes says more than how it was found, and for how long. */
const tableOptions = { narrow: 1, drop: [4, 5, 0] };

async function tableOf(routes: readonly RouteInfo[]): Promise<string[]> {
  const rows = routes.map(({ peer, name, next, nextName, distance, rule, ageMs }) => [
    idCell(peer),
    name,
    nextName || idCell(next),
    `${distance}`,
    rule,
    `${Math.round(ageMs / 1_000)} s`,
  ]);
  return await table(['PEER', 'NAME', 'NEXT', 'DISTANCE', 'RULE', 'AGE'], rows, tableOptions);
}

async function watch(command: Command, output: Output, intervalMs: number): Promise<void> {
  checkInterval(intervalMs);
  const signal = interruption();
  const isPage = process.stdout.isTTY && !output.json;
  const work = (node: SocketClient) =>
    isPage ? show(node, intervalMs, signal) : tell(node, output, intervalMs, signal);
  // Only lines can say between them that the daemon was lost.
  const options = isPage ? {} : { onConnection: narrateConnection(output, () => {}) };
  await withDaemon(command, work, signal, options).catch((error: unknown) => {
    // Ctrl-C is how one leaves what would go on for ever.
    if (!(error instanceof Interrupted)) throw error;
  });
}

async function show(node: SocketClient, intervalMs: number, interrupted: AbortSignal): Promise<void> {
  const page = async (signal: AbortSignal) => {
    const routes = await node.routes({ signal });
    const head = `${node.daemon.name}: ${routes.length} ${routes.length === 1 ? 'peer' : 'peers'} can be reached`;
    return routes.length === 0 ? [`${node.daemon.name}: ${none}`] : [head, '', ...(await tableOf(routes))];
  };
  await showPages(page, intervalMs, interrupted);
}

/** What changes, by looking again and again: an event of the daemon's tells that there is a route, not where it goes. */
async function tell(
  node: SocketClient,
  output: Output,
  intervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { byPeer, changesBetween } = await import('../route-changes.ts');
  const { name: daemon } = node.daemon;
  if (output.json) output.object({ event: 'watching', daemon } satisfies WatchingJson);
  else output.note(`watching the routes of ${daemon} (Ctrl-C ends it)`);
  let before: Routes = new Map();
  do {
    const after = byPeer(await node.routes({ signal }));
    const timeMs = Date.now();
    for (const change of changesBetween(before, after))
      if (output.json) output.object(jsonOf(change, timeMs));
      else output.line(`${timeOfDay(timeMs)}  ${change.type.padEnd(13)}  ${textOf(change)}`);
    before = after;
  } while (await pause(intervalMs, signal));
}

function textOf(change: RouteChange): string {
  const { type, route } = change;
  const who = `${idCell(route.peer)}  ${route.name}`;
  switch (type) {
    case 'route-found':
      return `${who}  ${wayOf(route)}`;
    case 'route-changed':
      return `${who}  ${wayOf(route)}, was ${wayOf(change.before)}`;
    case 'route-lost':
      return `${who}  was ${wayOf(route)}`;
  }
}

function wayOf({ distance, next, nextName }: RouteInfo): string {
  return distance === 1 ? 'connected' : `over ${nextName || idCell(next)}, ${distance} links`;
}

function jsonOf({ type, route }: RouteChange, timeMs: number): RouteChangeJson {
  return { event: type, ...route, timeMs };
}
