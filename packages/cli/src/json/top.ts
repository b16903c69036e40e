// What `peerd top --json` prints.

/** `peerd top`: one object, or with --interval one after the other. */
export interface TopJson {
  /** Since 1970. */
  timeMs: number;
  uptimeMs: number;
  loop: TopLoopJson;
  /** Every bounded queue and quota. */
  queues: TopQueueJson[];
  /** What was refused or dropped for another reason than a limit. */
  counters: TopCounterJson[];
  calls: TopCallsJson;
  /** Programs on the daemon's socket. */
  clients: TopClientJson[];
  memory: TopMemoryJson;
}

export interface TopLoopJson {
  /** Since the start, as are the inputs: commands, events and ticks. */
  turns: number;
  inputs: number;
  /** What waits to be taken. */
  events: number;
  commands: number;
  commandBytes: number;
  /** How long the oldest command had waited when the turn began. */
  oldestCommandMs: number;
  /** At their worst in the last 10 to 20 s. */
  longestWaitMs: number;
  longestTurnMs: number;
}

export interface TopQueueJson {
  name: string;
  unit: 'items' | 'bytes';
  size: number;
  limit: number;
  /** Times since the start that something was answered busy for it, or dropped and counted as missed. */
  refused: number;
}

export interface TopCounterJson {
  name: string;
  /** Since the start. */
  count: number;
}

export interface TopCallsJson {
  /** To peers, without an answer yet. */
  outbound: number;
  /** Of peers, being answered. */
  inbound: number;
  /** Payloads of both. */
  bytesInFlight: number;
}

export interface TopClientJson {
  /** Counts up from 1, since the start. */
  id: number;
  /** What it says it is. */
  program: string;
  connectedMs: number;
  /** Open calls, its registrations and subscriptions included. */
  calls: number;
  handlers: number;
  subscriptions: number;
  /** Requests that its handlers have in hand. */
  inbound: number;
  /** What waits for it to be read. */
  unsentBytes: number;
  /** Whether nothing more is read from it until it reads. */
  paused: boolean;
  /** Messages that its subscriptions have lost. */
  missed: number;
}

export interface TopMemoryJson {
  rssBytes: number;
  heapUsedBytes: number;
  heapTotalBytes: number;
  /** Buffers outside the heap. */
  externalBytes: number;
}
