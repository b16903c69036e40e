import type { SocketClient } from '@peerd/client';
import type { NodeEvent } from '@peerd/protocol';
import { Command } from 'commander';
import { interruption, outputOf, withDaemon } from '../context.ts';
import { withExamples } from '../examples.ts';
import { bytes, timeOfDay, whole } from '../figures.ts';
import type {
  WatchingJson,
  WatchOverloadJson,
  WatchPeerJson,
  WatchRefusedJson,
  WatchRouteJson,
  WatchServiceJson,
  WatchTopicJson,
} from '../json/network.ts';
import { narrateConnection } from '../reconnection.ts';
import { idCell } from '../table.ts';

export function watchCommand(): Command {
  const command = new Command('watch')
    .description('Print what happens to a daemon, until Ctrl-C')
    .action(async () => {
      const output = outputOf(command);
      const signal = interruption();
      const work = async (node: SocketClient) => {
        const watch = await node.watch();
        signal.throwIfAborted();
        signal.addEventListener('abort', () => void watch.close(), { once: true });
        const { name: daemon } = node.daemon;
        if (output.json) output.object({ event: 'watching', daemon } satisfies WatchingJson);
        else output.note(`watching ${daemon} (Ctrl-C ends it)`);
        for await (const event of watch) {
          if (output.json) output.object(jsonOf(event));
          else {
            if (event.missed !== undefined && event.missed > 0)
              output.note(`missed ${event.missed} events before this one`);
            output.line(`${timeOfDay(event.at)}  ${event.type.padEnd(17)}  ${textOf(event)}`);
          }
        }
        if (!signal.aborted) throw await node.closed;
      };
      // What the watch ends with tells what could not be restored.
      const onConnection = narrateConnection(output, () => {});
      await withDaemon(command, work, signal, { onConnection });
    });
  return withExamples(
    command,
    ['peerd watch', 'peerd watch --json | jq \'select(.event == "overload")\''],
    `Each line is: the time, the event, and what it is about. Peers connect, disconnect, and are refused; one
can be reached, directly or over others, or can't be any more; a service gets its first handler or loses its last; a topic
is joined or left; a queue is too full (told once in 10 s for each: \`peerd top\` counts). It outlives its daemon, as \`peerd subscribe\` does. Ctrl-C ends it with 0, or 130 before it watches.`,
  );
}

function textOf(event: NodeEvent): string {
  switch (event.type) {
    case 'peer-connected':
    case 'peer-disconnected':
      return `${idCell(event.peer)}${event.name === undefined ? '' : `  ${event.name}`}`;
    case 'peer-refused':
      return `${idCell(event.peer)}  ${event.reason} (${event.code})`;
    case 'route-found':
    case 'route-lost':
      return `${idCell(event.peer)}  ${event.name}`;
    case 'service-added':
    case 'service-removed':
      return event.service || '(default)';
    case 'topic-joined':
    case 'topic-left':
      return event.topic;
    case 'overload': {
      const figure = event.unit === 'bytes' ? bytes : whole;
      return `${event.queue}: more than ${figure(event.limit)}, refused ${whole(event.refused)} times so far`;
    }
  }
}

type WatchJson =
  | WatchPeerJson
  | WatchRefusedJson
  | WatchRouteJson
  | WatchServiceJson
  | WatchTopicJson
  | WatchOverloadJson;

function jsonOf(event: NodeEvent): WatchJson {
  const about = { timeMs: event.at, missed: event.missed ?? null };
  switch (event.type) {
    case 'peer-connected':
    case 'peer-disconnected':
      return { event: event.type, peer: event.peer, name: event.name ?? null, ...about };
    case 'peer-refused':
      return {
        event: event.type,
        peer: event.peer,
        error: { code: event.code, message: event.reason },
        ...about,
      };
    case 'route-found':
    case 'route-lost':
      return { event: event.type, peer: event.peer, name: event.name, ...about };
    case 'service-added':
    case 'service-removed':
      return { event: event.type, service: event.service, ...about };
    case 'topic-joined':
    case 'topic-left':
      return { event: event.type, topic: event.topic, ...about };
    case 'overload': {
      const { queue, unit, limit, refused } = event;
      return { event: event.type, queue, unit, limit, refused, ...about };
    }
  }
}
