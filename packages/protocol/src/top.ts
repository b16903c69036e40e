/** A look into a node: how full its queues are, and how it keeps up. */
export interface NodeTop {
  /** When, in ms since 1970. */
  readonly at: number;
  readonly uptimeMs: number;
  readonly loop: LoopInfo;
  /** Every bounded queue and quota of the node. */
  readonly queues: readonly QueueInfo[];
  /** What the node refused or dropped for another reason than a limit, by that reason. */
  readonly counters: readonly CounterInfo[];
  readonly calls: {
    /** Calls to peers that have no answer yet. */
    readonly outbound: number;
    /** Calls of peers that are being answered. */
    readonly inbound: number;
    /** Payload bytes of both. */
    readonly bytesInFlight: number;
  };
  /** The programs that use the node over its control socket; none in process. */
  readonly clients: readonly ClientInfo[];
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly heapTotalBytes: number;
    /** Buffers outside the heap. */
    readonly externalBytes: number;
  };
}

/** The loop that owns the node's state. */
export interface LoopInfo {
  /** Since the start. */
  readonly turns: number;
  /** Commands, events and ticks that were taken, since the start. */
  readonly inputs: number;
  /** Events that wait to be taken. */
  readonly events: number;
  /** Commands that wait to be taken, and the bytes of their payloads. */
  readonly commands: number;
  readonly commandBytes: number;
  /** How long the oldest command had waited when the turn began that took this call. */
  readonly oldestCommandMs: number;
  /** The same, at its worst in the last 10 to 20 s: also what kept the process from running the loop at all. */
  readonly longestWaitMs: number;
  /** The longest turn of the last 10 to 20 s. */
  readonly longestTurnMs: number;
}

/** A queue or quota, and how often it was too full. */
export interface QueueInfo {
  readonly name: string;
  readonly unit: 'items' | 'bytes';
  readonly size: number;
  readonly limit: number;
  /** Times that something was answered `busy` for it, or was dropped and counted as missed, since the start. */
  readonly refused: number;
}

/** How often something was refused or dropped, and which. */
export interface CounterInfo {
  readonly name: string;
  /** Since the start. */
  readonly count: number;
}

/** A program that is connected to a daemon. */
export interface ClientInfo {
  /** Counts up from 1, since the start of the daemon. */
  readonly id: number;
  /** What it says it is. */
  readonly program: string;
  readonly connectedMs: number;
  /** Its calls that have no answer yet, its registrations and subscriptions included. */
  readonly calls: number;
  readonly handlers: number;
  readonly subscriptions: number;
  /** Requests of peers that its handlers have in hand. */
  readonly inbound: number;
  /** What waits for it to be read. */
  readonly unsentBytes: number;
  /** Whether nothing more is read from it until it reads. */
  readonly isPaused: boolean;
  /** Messages that its subscriptions have lost because it did not take them. */
  readonly missed: number;
}
