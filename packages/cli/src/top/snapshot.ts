import process from 'node:process';
import type { NodeTop } from '@peerd/protocol';
import { bytes, milliseconds, span, whole } from '../figures.ts';
import type { TopJson } from '../json/top.ts';
import { jsonMs } from '../output.ts';
import { folded, table } from '../table.ts';

type Queue = NodeTop['queues'][number];

interface Look {
  /** The name of the daemon. */
  daemon: string;
  /** The snapshot before, to tell how much there is in a second. */
  before: NodeTop | undefined;
  /** Leaves out queues that are empty and always had room. */
  brief?: boolean;
}

/** A snapshot as lines: what a person looks at first comes first. */
export async function linesOf(top: NodeTop, { daemon, before, brief = false }: Look): Promise<string[]> {
  const { loop, calls, memory, clients } = top;
  const perSecond = (of: (top: NodeTop) => number): string => {
    if (before === undefined || top.at <= before.at) return whole(of(top));
    const rate = ((of(top) - of(before)) * 1_000) / (top.at - before.at);
    return `${whole(of(top))} (${whole(rate)}/s)`;
  };
  const facts = [
    ['daemon', daemon, `up ${span(top.uptimeMs)}`],
    [
      'loop',
      `${perSecond((each) => each.loop.turns)} turns`,
      `${perSecond((each) => each.loop.inputs)} inputs`,
    ],
    [
      '',
      `longest turn ${milliseconds(loop.longestTurnMs)}`,
      `longest wait ${milliseconds(loop.longestWaitMs)}`,
    ],
    [
      'waiting',
      `${whole(loop.commands)} commands (${bytes(loop.commandBytes)})`,
      `${whole(loop.events)} events`,
    ],
    ['', `oldest command ${milliseconds(loop.oldestCommandMs)}`],
    [
      'calls',
      `${whole(calls.outbound)} out`,
      `${whole(calls.inbound)} in`,
      `${bytes(calls.bytesInFlight)} in flight`,
    ],
    [
      'memory',
      bytes(memory.rssBytes),
      `heap ${bytes(memory.heapUsedBytes)}`,
      `buffers ${bytes(memory.externalBytes)}`,
    ],
  ];
  const sorted = [...top.queues].sort((a, b) => b.refused - a.refused || fullness(b) - fullness(a));
  const queues = brief ? sorted.filter(({ size, refused }) => size > 0 || refused > 0) : sorted;
  const counters = top.counters
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => [name, whole(count)]);
  const left = sorted.length - queues.length;
  return [
    ...facts.flatMap(([name = '', ...phrases]) =>
      folded(phrases, indent).map((line, index) => `${index === 0 ? name : ''}`.padEnd(indent) + line),
    ),
    '',
    ...(await table(['QUEUE', 'SIZE', 'LIMIT', 'FULL', 'REFUSED'], queues.map(queueRow), queueOptions)),
    ...(left > 0 ? [`and ${left} more, empty: --once shows all`] : []),
    ...(counters.length === 0 ? [] : ['', ...(await table(['REFUSED OR DROPPED', 'TIMES'], counters))]),
    ...(clients.length === 0
      ? []
      : ['', ...(await table(clientHeader, clients.map(clientRow), clientOptions))]),
  ];
}

/** Where the facts begin, after what they are about. */
const indent = 9;

/** How full a queue is says more than its limit. */
const queueOptions = { narrow: 0, drop: [2, 1] };

const clientHeader = ['CLIENT', 'CALLS', 'HANDLERS', 'TOPICS', 'IN HAND', 'UNREAD', 'MISSED', 'PROGRAM'];

/** Which program it is, and what it leaves unread, says more than what it has. */
const clientOptions = { narrow: 7, drop: [2, 3, 4, 0, 1, 6] };

function fullness({ size, limit }: Queue): number {
  return limit === 0 ? 0 : size / limit;
}

function queueRow(queue: Queue): string[] {
  const figure = queue.unit === 'bytes' ? bytes : whole;
  const full = `${(fullness(queue) * 100).toFixed(0)} %`;
  return [queue.name, figure(queue.size), figure(queue.limit), full, whole(queue.refused)];
}

function clientRow(client: NodeTop['clients'][number]): string[] {
  const { id, calls, handlers, subscriptions, inbound, unsentBytes, isPaused, missed, program } = client;
  const unread = `${bytes(unsentBytes)}${isPaused ? ' !' : ''}`;
  return [
    ...[id, calls, handlers, subscriptions, inbound].map(whole),
    unread,
    whole(missed),
    shortened(program),
  ];
}

/** Of a path, on a terminal, the end: that is what tells one program from another. */
function shortened(program: string): string {
  const parts = program.split('/');
  return process.stdout.isTTY && parts.length > 3 ? `…/${parts.slice(-2).join('/')}` : program;
}

export function jsonOf(top: NodeTop): TopJson {
  const { at, uptimeMs, loop, queues, counters, calls, clients, memory } = top;
  const { turns, inputs, events, commands, commandBytes } = loop;
  const { rssBytes, heapUsedBytes, heapTotalBytes, externalBytes } = memory;
  return {
    timeMs: at,
    uptimeMs: jsonMs(uptimeMs),
    loop: {
      turns,
      inputs,
      events,
      commands,
      commandBytes,
      oldestCommandMs: jsonMs(loop.oldestCommandMs),
      longestWaitMs: jsonMs(loop.longestWaitMs),
      longestTurnMs: jsonMs(loop.longestTurnMs),
    },
    queues: queues.map(({ name, unit, size, limit, refused }) => ({ name, unit, size, limit, refused })),
    counters: counters.map(({ name, count }) => ({ name, count })),
    calls: { outbound: calls.outbound, inbound: calls.inbound, bytesInFlight: calls.bytesInFlight },
    clients: clients.map((client) => ({
      id: client.id,
      program: client.program,
      connectedMs: jsonMs(client.connectedMs),
      calls: client.calls,
      handlers: client.handlers,
      subscriptions: client.subscriptions,
      inbound: client.inbound,
      unsentBytes: client.unsentBytes,
      paused: client.isPaused,
      missed: client.missed,
    })),
    memory: { rssBytes, heapUsedBytes, heapTotalBytes, externalBytes },
  };
}
