import type { DirectClient } from '@peerd/core';
import type { NodeTop } from '@peerd/protocol';
import type { SendWindow, ServerBody } from '@peerd/protocol/control';
import type { ReloadResult } from '../config/reload.ts';
import type { LogRing } from '../log/ring.ts';
import type { Feeds } from './feed.ts';
import type { InboundCalls } from './inbound.ts';

export interface TicketOptions {
  addresses: readonly string[];
  withSecret: boolean;
}

export interface MadeTicket {
  ticket: string;
  addresses: string[];
  hasSecret: boolean;
  loopbackOnly: boolean;
}

/** What a client can do with the process around the node. */
export interface DaemonControls {
  readonly records: LogRing;
  /** Makes a ticket with these addresses of the node, or with those that others can use. */
  ticket(options: TicketOptions): Promise<MadeTicket>;
  /** Reads the configuration again. */
  reload(): Promise<ReloadResult>;
  /** Begins to stop the daemon; returns at once. */
  stop(): void;
}

/** What every command works on. */
export interface Node {
  client: DirectClient;
  feeds: Feeds;
  daemon: DaemonControls;
  /** How the programs on the control socket press on the node. */
  load(): Pick<NodeTop, 'clients' | 'queues'>;
}

/** One call of one client, open for as long as its command runs. */
export interface Call {
  id: number;
  node: Node;
  inbound: InboundCalls;
  /** Aborted when the client cancels or is gone. */
  signal: AbortSignal;
  /** Whether the client is gone: the rest of its connection went with this call. */
  isLost(): boolean;
  /** The credits of a stream of answers; made by the command that needs them. */
  window: SendWindow | undefined;
  send(body: ServerBody): void;
  /** Resolves when the client's socket takes more. */
  room(): Promise<void>;
}
